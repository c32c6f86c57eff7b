"""How to add a feature, as docs/training.md says it: followed file by file on the small warehouse, then the gate."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.models.dbt_runs import DbtProcess, on_file

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STEP = re.compile(
    r"^`([^`\n]+)`, (?:(at the end)|(after|in place of) `([^`\n]+)`):\n\n```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL
)
FEATURE = "opportunity_days_since_approval"
# What the feature is, by hand: the newest version of the opportunity that was committed before the row's place.
EXPECTED = """
    select example_id, round(epoch(requested_at - (
        select arg_max(version.approved_at, (version._epoch, version._lsn, version._seq))
        from raw_app_history.opportunities as version
        where version.id = example.opportunity_id and version._commit_at < example.requested_at
    )) / 86400, 6) as days
    from ml.ml_match_examples_v2 as example
    where not is_left_censored and not is_before_log
"""


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, ...]]:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    [section] = re.findall(r"^## Add a feature.*?(?=^## )", page, re.MULTILINE | re.DOTALL)
    return STEP.findall(section)


def test_a_feature_that_is_added_as_the_page_says_is_in_the_table_and_right(
    built: Path, tmp_path: Path, dbt: DbtProcess, parsed: Path, steps: list[tuple[str, ...]]
) -> None:
    shutil.copytree(ROOT / "dbt_project", tmp_path / "dbt_project")
    shutil.copytree(ROOT / "training" / "specs", tmp_path / "training" / "specs")
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(built, warehouse)
    for name, at_end, place, anchor, text in steps:
        follow(tmp_path / name, at_end, place, anchor, text)

    chosen = ["ml_match_opportunity_features", "ml_match_examples_v2"]
    edited = on_file(dbt, warehouse, tmp_path, parsed, tmp_path / "dbt_project")
    edited.run("run", "--select", *chosen)

    assert len(steps) == 10
    with duckdb.connect(str(warehouse), read_only=True) as file:
        file.execute("set timezone = 'UTC'")
        wrong = f"select count(*), count(days), sum((days is distinct from {FEATURE})::int) from ({EXPECTED})"
        rows, known, differing = file.execute(f"{wrong} join ml.ml_match_examples_v2 using (example_id)").fetchall()[0]
    assert rows > 100
    assert known > 0
    assert differing == 0
    for name in ("match.yaml", "origins/match.yaml"):
        document = yaml.safe_load((tmp_path / "training" / "specs" / name).read_text(encoding="utf-8"))
        assert FEATURE in str(document["features"])


def follow(path: Path, at_end: str, place: str, anchor: str, text: str) -> None:
    """Do one step: lines at the end of a file, after the first line with the anchor, or in that line's place."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if at_end:
        lines.append(text)
    else:
        at = next((number for number, line in enumerate(lines) if anchor in line), None)
        assert at is not None, f"{anchor!r} is not in {path.name}"
        lines[at] = lines[at] + text if place == "after" else text
    path.write_text("".join(lines), encoding="utf-8")
