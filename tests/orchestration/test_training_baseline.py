"""`flux training baseline`: figures and page beside the set, figures by group for few eyes only."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from orchestration.cli.training.baseline import command
from orchestration.settings import Settings
from tests.training import planted
from training import DatasetReport, build_dataset, parse_spec

pytest.importorskip("sklearn", reason="the baseline needs scikit-learn, the extra 'baseline'")

GROUPS = f"""
create schema restricted;
create table restricted.int_match_subject_groups as
select
    printf('%032x', i) as subject_key,
    case when i % 10 = 0 then null when i % 2 = 0 then 'Female' else 'Male' end as sex_category,
    'Asian' as race_category
from range({planted.MEMBERS}) as numbers (i);
"""


@pytest.fixture
def pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetReport:
    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    settings = Settings(home=tmp_path)
    settings.restricted_path.parent.mkdir()
    with duckdb.connect(str(settings.restricted_path)) as connection:
        connection.execute(GROUPS)
    spec = parse_spec(planted.SPEC, "planted.yaml")
    with planted.warehouse(planted.table(3000)) as warehouse:
        return build_dataset(warehouse, spec, out=settings.datasets_directory, cut=planted.CUT)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, [*arguments], standalone_mode=False, catch_exceptions=False)


def test_figures_and_page_stand_beside_the_set(pulled: DatasetReport) -> None:
    result = run(pulled.id[:6], "--label", "label_click_24h", "--json")

    told = json.loads(result.stdout)
    assert [label["label"] for label in told["labels"]] == ["label_click_24h"]
    assert told["pages"] == [str(pulled.directory.with_suffix(".html"))]
    assert json.loads(pulled.directory.with_suffix(".baseline.json").read_text()) == {
        name: value for name, value in told.items() if name != "pages"
    }


def test_people_read_margins_with_their_ranges(pulled: DatasetReport) -> None:
    lines = run(pulled.id, "--label", "label_click_24h").stdout.splitlines()
    assert sum("roc_auc" in line and "+" in line for line in lines) == 1
    assert lines[-1].startswith("page: ")


def test_figures_by_group_go_to_a_directory_that_only_its_owner_opens(pulled: DatasetReport, tmp_path: Path) -> None:
    result = run(pulled.id, "--label", "label_click_24h", "--restricted", "--json")

    beside, apart = (Path(page) for page in json.loads(result.stdout)["pages"])
    assert apart == tmp_path / "published" / "protected_training" / "planted" / f"{pulled.id}.html"
    assert stat.S_IMODE(apart.stat().st_mode) == 0o600
    assert stat.S_IMODE(apart.parents[1].stat().st_mode) == 0o700
    page = apart.read_text()
    assert all(group in page for group in ("Female", "Male", "not told", "Asian"))
    assert "Features that tell sex_category" in page
    assert "Not measured: fewer than two groups" in page  # all of one race
    assert "Female" not in beside.read_text() + result.stdout
