"""`flux build`: models on what is loaded, published when all went well, made anew when asked to."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from orchestration.cli.build import command
from orchestration.errors import BuildError
from orchestration.models import project
from training.chronicle import FILE_NAME, Event

PROJECT = Path(__file__).parents[2] / "dbt_project"
GROWING = """
{{ config(materialized='incremental') }}
select id from {{ source('app', 't') }}
{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}
"""
TEST = "models: [{name: growing, columns: [{name: id, data_tests: [not_null]}]}]"
SOURCES = "sources: [{name: app, schema: raw_app, tables: [{name: t}]}]"

pytestmark = pytest.mark.filterwarnings("ignore")  # dbt's imports warn about one another's parts


@pytest.fixture
def models(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dbt project of one incremental model over raw_app.t."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "models").mkdir()
    (folder / "dbt_project.yml").write_text("{name: small, profile: flux, version: '1.0.0', model-paths: [models]}")
    (folder / "profiles.yml").write_text((PROJECT / "profiles.yml").read_text())
    (folder / "models" / "growing.sql").write_text(GROWING)
    (folder / "models" / "growing.yml").write_text(TEST)
    (folder / "models" / "sources.yml").write_text(SOURCES)
    monkeypatch.setattr(project, "project_directory", lambda: folder)
    return folder / "models"


def build(*arguments: str) -> dict[str, object]:
    done = CliRunner().invoke(command, [*arguments, "--json"], standalone_mode=False, catch_exceptions=False)
    return dict(json.loads(done.stdout))


def published(home: Path) -> list[int]:
    with duckdb.connect(str(home / "published" / "warehouse.duckdb"), read_only=True) as copy:
        return [id for (id,) in copy.execute("select id from marts.growing order by 1").fetchall()]


def test_it_records_a_cut_builds_and_publishes_and_a_full_refresh_forgets(two_tables: Path, models: Path) -> None:
    told = build()
    assert told["nodes"] == {"models success": 1, "tests pass": 1}
    assert published(two_tables) == [1, 2]
    with duckdb.connect(str(two_tables / "warehouse.duckdb")) as warehouse:
        assert warehouse.execute("select max(cut_id) from _flux.cuts").fetchall() == [(told["cut"],)]
        warehouse.execute("delete from raw_app.t where id = 1; insert into raw_app.t values (3)")
        warehouse.execute("insert into raw_app_history.t select * replace (3 as id) from raw_app_history.t limit 1")
    assert build()["nodes"] == {"models success": 1, "tests pass": 1}
    assert published(two_tables) == [1, 2, 3]
    build("--select", "growing", "--full-refresh")
    assert published(two_tables) == [2, 3]


def test_what_would_be_made_again_as_it_stands_is_left_out(two_tables: Path, models: Path) -> None:
    built = {"models success": 1, "tests pass": 1}
    assert build()["nodes"] == built
    assert build()["nodes"] == {"models unchanged": 1, "tests unchanged": 1}
    assert build("--select", "growing")["nodes"] == built
    with duckdb.connect(str(two_tables / "warehouse.duckdb")) as warehouse:
        warehouse.execute("drop table marts.growing")
    assert build()["nodes"] == {"models success": 1, "tests unchanged": 1}
    assert published(two_tables) == [1, 2]
    with (models / "growing.sql").open("a") as file:
        file.write("-- another file\n")
    assert build()["nodes"] == built


def test_it_takes_over_which_training_sets_there_were(two_tables: Path, models: Path) -> None:
    moment = "2026-11-01T00:00:00+00:00"
    event = Event("made", moment, "match", "3f2a", moment, 1, 4096, moment, "ab", 10, 3, 2048, None)
    (two_tables / "datasets").mkdir()
    (two_tables / "datasets" / FILE_NAME).write_text(json.dumps(asdict(event)) + "\n")

    build()
    build()

    with duckdb.connect(str(two_tables / "published" / "warehouse.duckdb"), read_only=True) as copy:
        found = copy.execute("select event, name, id, row_count, subject_count from _flux.datasets").fetchall()
    assert found == [("made", "match", "3f2a", 10, 3)]


def test_what_fails_is_named_and_not_published(two_tables: Path, models: Path) -> None:
    build()
    (models / "growing.sql").write_text("select null as id")
    with pytest.raises(BuildError, match=r"1 of 2 dbt nodes .* first test.small.not_null.*nothing was published"):
        build()
    assert published(two_tables) == [1, 2]
    with pytest.raises(BuildError, match="no model is named by 'nobody'"):
        build("--select", "nobody")


def test_what_warns_is_named_and_published_all_the_same(two_tables: Path, models: Path) -> None:
    path = models / "growing.yml"
    path.write_text(TEST.replace("[not_null]", "[{unique: {config: {severity: warn}}}]"))
    (models / "growing.sql").write_text("select 1 as id union all select 1")

    told = build()

    assert told["nodes"] == {"models success": 1, "tests warn": 1}
    assert told["warnings"] == ["unique_growing_id: 1 rows"]
    assert published(two_tables) == [1, 1]


def test_nothing_is_built_on_a_table_that_is_not_exact(two_tables: Path, models: Path) -> None:
    status = two_tables / "status.json"
    status.write_text(status.read_text().replace('"streaming"', '"inexact"', 1))
    with pytest.raises(BuildError, match=r"not exact, so no models are built on them: public\.[tu]"):
        build()
