"""A warehouse multiplied and changed stays one that the loader could have left."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from benchmarks import changes, empty_project, multiplied

COPIES = multiplied.Copies(applications=6, others=3)
SHARE = 0.2  # of a small warehouse
POSITIONS = """
    create table _flux.positions as
    select * from (values ('postgres', 1::bigint, 900000::bigint, null::bigint, null::bigint),
        ('events', null, null, 1, 1)) as t (consumer, epoch, lsn, segment, segment_offset)
    cross join (select max(clock_at) as commit_at, now() as updated_at from _flux.clock)
"""


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, int]]]:
    """The small warehouse multiplied, then changed three times, lastly its newest rows; with the rows that it had."""
    path = tmp_path_factory.mktemp("multiplied") / "warehouse.duckdb"
    subprocess.run([sys.executable, "-m", "tests.models.small_warehouse", str(path)], check=True, timeout=60)
    with duckdb.connect(str(path)) as connection:
        connection.execute(POSITIONS)
        before = {t.relation: multiplied.rows_of(connection, t) for t in multiplied.raw_tables(connection)}
    after = multiplied.multiply(path, COPIES)
    for table, rows in before.items():
        assert after[table] == rows * COPIES.of(table.split('"')[3]), table
    changed = [changes.change(path, SHARE, number, newest=number == 2) for number in range(3)]
    assert all(count for each in changed for count in each.values()), changed
    with duckdb.connect(str(path)) as connection:
        yield connection, before


def number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    "table",
    ["applications", "application_stage_events", "members", "match_recommendations", "match_impressions", "users"],
)
def test_keys_are_unique(counts: tuple[duckdb.DuckDBPyConnection, dict[str, int]], table: str) -> None:
    assert number(counts[0], f"select count(*) - count(distinct id) from raw_app.{table}") == 0


def test_nobody_applies_twice_to_an_opportunity(counts: tuple[duckdb.DuckDBPyConnection, dict[str, int]]) -> None:
    query = "select count(*) - count(distinct (member_id, opportunity_id)) from raw_app.applications"
    assert number(counts[0], query) == 0


@pytest.mark.parametrize(
    ("table", "column", "parent"),
    [
        ("applications", "member_id", "members"),
        ("applications", "client_id", "clients"),
        ("applications", "opportunity_id", "opportunities"),
        ("applications", "recommendation_id", "match_recommendations"),
        ("application_stage_events", "application_id", "applications"),
        ("application_stage_events", "to_stage_id", "stages"),
        ("match_impressions", "recommendation_id", "match_recommendations"),
        ("match_recommendations", "request_id", "recommendation_requests"),
        ("recommendation_requests", "model_version_id", "model_versions"),
        ("members", "user_id", "users"),
        ("member_skills", "skill_id", "skills"),
    ],
)
def test_rows_refer_to_rows_of_their_client(
    counts: tuple[duckdb.DuckDBPyConnection, dict[str, int]], table: str, column: str, parent: str
) -> None:
    same = "true" if parent in ("model_versions", "skills", "clients") else "child.client_id = parent.client_id"
    query = f"""
        select count(*) from raw_app.{table} as child
        left join raw_app.{parent} as parent on child.{column} = parent.id and {same}
        where child.{column} is not null and parent.id is null
    """
    assert number(counts[0], query) == 0


def test_the_newest_version_in_the_history_is_the_mirror(
    counts: tuple[duckdb.DuckDBPyConnection, dict[str, int]],
) -> None:
    for table in ("applications", "application_stage_events", "match_impressions", "members"):
        listed = "id, client_id" + (", updated_at" if table in ("applications", "members") else "")
        newest = (
            f"select {listed} from raw_app_history.{table} where _op <> 'delete' "
            "qualify row_number() over (partition by id order by _epoch desc, _lsn desc, _seq desc) = 1"
        )
        gone = f"select id from raw_app_history.{table} where _op = 'delete'"
        query = f"(({newest}) except select {listed} from raw_app.{table})"
        assert number(counts[0], f"select count(*) from {query} where id not in ({gone})") == 0, table


def test_the_ledger_accounts_for_the_events(counts: tuple[duckdb.DuckDBPyConnection, dict[str, int]]) -> None:
    calls = " union all ".join(
        f"select id from raw_segment.{kind}"
        for kind in ("tracks", "pages", "screens", "identifies", "groups", "aliases")
    )
    assert number(counts[0], f"select count(*) - count(distinct id) from ({calls})") == 0
    query = f"select (select sum(loaded) from _flux.segments) - (select count(*) from ({calls}))"
    assert number(counts[0], query) == 0
    query = "select count(*) from _flux.segments where accepted <> loaded + duplicates + quarantined"
    assert number(counts[0], query) == 0


def test_an_event_is_in_tracks_and_in_its_own_table(
    counts: tuple[duckdb.DuckDBPyConnection, dict[str, int]],
) -> None:
    query = (
        "select count(*) from raw_segment.recommendation_clicked as e "
        "left join raw_segment.tracks as t on e.id = t.id and e.user_id is not distinct from t.user_id "
        "where t.id is null"
    )
    assert number(counts[0], query) == 0


def test_changes_are_a_commit_behind_all_others(counts: tuple[duckdb.DuckDBPyConnection, dict[str, int]]) -> None:
    query = "select count(*) from raw_app_history.applications where _lsn = (select lsn from _flux.positions limit 1)"
    assert number(counts[0], query) > 0
    assert number(counts[0], "select max(_lsn) - max(lsn) from _flux.clock, _flux.positions") == 0


def test_the_empty_project_has_as_many_nodes(tmp_path: Path) -> None:
    project = empty_project.write(tmp_path / "empty", {"view": 3, "table": 2, "test": 4, "seed": 1, "exposure": 6})
    assert len(list((project / "models").glob("*.sql"))) == 5
    assert len(list((project / "tests").glob("*.sql"))) == 4
    assert len(list((project / "seeds").glob("*.csv"))) == 1
    assert (project / "models" / "exposures.yml").read_text().count("exposure_") == 6
