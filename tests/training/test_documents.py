"""What docs/training.md says is there, and its first lines do what they say."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.examples import CUT, DuckDB
from training import DatasetSpec, build_dataset, load_spec
from training.card.law import POINTS

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_first_lines_of_python_load_a_set(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, out=out, cut=CUT)
    code = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
    assert '"match/1f0c"' in code

    told: dict[str, object] = {}
    exec(code.replace('"match/1f0c"', repr(str(report.directory))), told)

    assert told["features"].num_columns == len(spec.features)  # type: ignore[attr-defined]
    assert told["labels"].num_rows == report.rows["train"]  # type: ignore[attr-defined]


def test_every_column_of_the_match_set_is_explained() -> None:
    spec = load_spec("match")
    [table] = re.findall(r"^## The columns.*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert set(spec.columns) <= set(re.findall(r"`(\w+)`", table))


@pytest.fixture
def pulled(connection: DuckDB, spec: DatasetSpec, out: Path) -> Path:
    return build_dataset(connection, replace(spec, subject="subject_key"), out=out, cut=CUT).directory


def named_in_law() -> Iterator[tuple[str, str]]:
    """Each section of the card that docs/training.md names for an article, with the word that is to stand in it."""
    for heading, column in (("GDPR", 2), ("AI Act, article 10", 2)):
        [table] = re.findall(rf"^\| {heading} \|.*?(?=\n\n|\Z)", PAGE, re.MULTILINE | re.DOTALL)
        for line in table.splitlines()[2:]:
            told = re.split(r"\s*(?<!\\)\|\s*", line.strip("| "))[column]
            if heading == "GDPR":
                told = ", ".join(re.findall(r"card: ([^;]*)", told))
            for name, word in re.findall(r"([A-Z][^,(;]*?(?:, and what was not)?)(?: \(([^)]*)\))?(?:[,;]|$)", told):
                yield name.strip(), word.replace("`", "").split(",")[0]


def test_law_is_answered_by_sections_that_the_card_has(pulled: Path) -> None:
    card = (pulled / "CARD.md").read_text(encoding="utf-8")
    parts = {part.split("\n", 1)[0]: part.lower() for part in card.split("\n## ")[1:]}
    on_card = [tuple(where.split(": ")) for _, _, wheres in POINTS for where in wheres.split("; ")]
    named = [*named_in_law(), *((name, word[0] if word else "") for name, *word in on_card)]

    assert len(named) > 40
    assert {name for name, _ in named} <= parts.keys()
    unsaid = {
        (name, word) for name, word in named if word not in ("score", "consent") and word.lower() not in parts[name]
    }
    assert unsaid == set()


def test_law_is_answered_by_keys_that_the_manifest_has(pulled: Path) -> None:
    manifest = json.loads((pulled / "manifest.json").read_text(encoding="utf-8"))
    [table] = re.findall(r"^\| GDPR \|.*?(?=\n\n)", PAGE, re.MULTILINE | re.DOTALL)
    keys = {key for told in re.findall(r"manifest: ([^;|]*)", table) for key in re.findall(r"`(\w+)`", told)}
    assert len(keys) > 9
    assert keys <= manifest.keys()
