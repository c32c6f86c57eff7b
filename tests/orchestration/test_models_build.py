"""dbt in this process: results of every node, and a warehouse file that others can open afterwards."""

import subprocess
import sys
import warnings
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import BuildError
from orchestration.models import build, first_failure, prepare, project
from orchestration.settings import Settings

PROJECT = Path(__file__).parents[2] / "dbt_project"
OPEN = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('select 1')"


@pytest.fixture
def small_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: small\nprofile: flux\nversion: '1.0.0'\nmodel-paths: [models]\n")
    (folder / "profiles.yml").write_text((PROJECT / "profiles.yml").read_text())
    (folder / "models" / "good.sql").write_text("select 1 as id")
    (folder / "models" / "good.yml").write_text(
        "models: [{name: good, columns: [{name: id, data_tests: [not_null]}]}]\n"
    )
    monkeypatch.setattr(project, "project_directory", lambda: folder)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.mark.filterwarnings("ignore")
def test_failed_model_is_a_result_and_the_file_is_free_afterwards(small_project: Path, settings: Settings) -> None:
    (small_project / "models" / "wrong.sql").write_text("select nothing from {{ ref('good') }}")
    (small_project / "models" / "after.sql").write_text("select * from {{ ref('wrong') }}")
    heard: list[str] = []
    results = build(settings, on_result=lambda result: heard.append(result.unique_id))
    statuses = {result.unique_id.split(".")[2]: result.status for result in results}
    assert (statuses["good"], statuses["wrong"], statuses["after"]) == ("success", "error", "skipped")
    assert sorted(heard) == sorted(result.unique_id for result in results)
    assert "2 of 4 dbt nodes failed or were skipped, first model.small.wrong" in (first_failure(results) or "")
    subprocess.run([sys.executable, "-c", OPEN, str(settings.warehouse_path)], check=True)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        assert connection.execute("from marts.good").fetchall() == [(1,)]


@pytest.mark.filterwarnings("ignore")
def test_manifest_is_made_anew_only_when_files_change(small_project: Path, settings: Settings) -> None:
    first = prepare(settings)
    made_at = first.stat().st_mtime_ns
    assert prepare(settings) == first
    assert first.stat().st_mtime_ns == made_at
    (small_project / "models" / "good.sql").write_text("select 2 as id")
    second = prepare(settings)
    assert second != first
    assert not first.exists()


@pytest.mark.filterwarnings("ignore")
def test_models_that_cannot_be_parsed_are_one_sentence(small_project: Path, settings: Settings) -> None:
    (small_project / "models" / "bad.sql").write_text("select * from {{ ref('nobody') }}")
    with warnings.catch_warnings(), pytest.raises(BuildError, match=r"dbt cannot parse the models: .*nobody") as caught:
        prepare(settings)
    assert "\n" not in str(caught.value)
