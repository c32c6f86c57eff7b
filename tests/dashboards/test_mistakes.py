"""Wrong definitions: each is found before anything is sent, and says file, line and what to do.

A mistake is one or two edits of a sound definition (`small`), the place that must be named, and words of the message.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboards.checks import check_sources
from dashboards.dry_run import check_results
from dashboards.errors import DefinitionError
from dashboards.loader import load_definitions
from dashboards.metrics import Formula, Metric
from tests.dashboards import small
from tests.dashboards.mistakes import MISTAKES

AUDIENCES = """\
leadership: {title: Leadership, words: All who lead., directory: site}
auditors:
  title: Auditors
  words: Who audits.
  directory: site-audit
  reads: [restricted]
"""
METRICS = {
    "middle": Metric(
        "middle",
        "Middle",
        "Nobody",
        "The middle.",
        (),
        "row",
        "rows",
        "down",
        formula=Formula(percentile=0.5, column="a"),
    ),
    "share": Metric(
        "share",
        "Share",
        "Nobody",
        "A share.",
        (),
        "row",
        "share",
        "up",
        formula=Formula(numerator="a", denominator="b"),
    ),
}
Edit = tuple[str, str, str]


def check(directory: Path, edits: list[Edit]) -> None:
    """Write the definitions with the edits and do all that `flux dashboards validate` does."""
    small.write(directory)
    (directory / "audiences.yaml").write_text(AUDIENCES, encoding="utf-8")
    for name, right, wrong in edits:
        path = directory / name
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if right:
            assert before.count(right) == 1, f"{right!r} stands {before.count(right)} times in {name}"
        path.write_text(before.replace(right, wrong) if right else wrong, encoding="utf-8")
    definitions = load_definitions(directory, METRICS)
    queries = check_sources(definitions, small.RELATIONS)
    check_results(definitions, queries, small.RELATIONS, small.COLUMNS)


def test_what_the_mistakes_are_made_in_is_sound(tmp_path: Path) -> None:
    check(tmp_path, [])


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named_with_file_line_and_repair(tmp_path: Path, mistake: str) -> None:
    edits, place, message = MISTAKES[mistake]
    with pytest.raises(DefinitionError) as caught:
        check(tmp_path, edits)
    said = str(caught.value).removeprefix(f"{tmp_path}/")
    assert said.startswith(f"{place}: "), said
    assert message in said


def test_there_are_sixty_distinct_mistakes() -> None:
    messages = {re.sub(r"'[^']*'|\d+", "_", message) for _, _, message in MISTAKES.values()}
    assert len(MISTAKES) >= len(messages) >= 60
