"""The published warehouse that the questions are measured on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from benchmarks import published_shape
from benchmarks.models import main


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A tenth of a percent of the full size, of twenty clients."""
    written = published_shape.write(tmp_path_factory.mktemp("published") / "warehouse.duckdb", 100_000, clients=20)
    assert (written.rows["fct_impressions"], written.rows["fct_applications"]) == (100_000, 10_000)
    with duckdb.connect(str(written.path), read_only=True) as connection:
        yield connection


def one(warehouse: duckdb.DuckDBPyConnection, query: str) -> tuple[object, ...]:
    row = warehouse.execute(query).fetchone()
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("marts.fct_impressions", "impression_id"),
        ("marts.fct_applications", "application_id"),
        ("marts.dim_member", "member_version_id"),
        ("marts.dim_opportunity", "opportunity_version_id"),
        (
            "reporting.rpt_recommendation_quality_weekly",
            "client_id, week_starts_on, model_version_id, channel, position",
        ),
        ("reporting.rpt_hiring_funnel_weekly", "client_id, week_starts_on, opportunity_kind, stage_kind"),
    ],
)
def test_keys_are_unique(warehouse: duckdb.DuckDBPyConnection, table: str, key: str) -> None:
    query = f"select count(*) - count(distinct ({key})) from {table}"
    assert one(warehouse, query) == (0,)


def test_facts_meet_their_dimensions_within_a_client(warehouse: duckdb.DuckDBPyConnection) -> None:
    for fact in ("fct_impressions", "fct_applications"):
        for name in ("member", "opportunity"):
            query = f"""
                select count(*) from marts.{fact} as f
                left join marts.dim_{name} as d
                on f.{name}_id = d.{name}_id and f.client_id = d.client_id and d.is_current
                where d.client_id is null
            """
            assert one(warehouse, query) == (0,), (fact, name)


def test_facts_lie_in_clusters_but_for_the_newest_week(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute("select shown_at < (select max(shown_at) - interval 7 days from marts.fct_impressions), "
                             "client_id, shown_at from marts.fct_impressions").fetchall()  # fmt: skip
    old = [row[1:] for row in rows if row[0]]
    new = [row[2] for row in rows[len(old) :]]
    assert old == sorted(old)
    assert new == sorted(new)
    assert 0 < len(new) < 0.05 * len(rows)


def test_clients_are_of_very_different_size(warehouse: duckdb.DuckDBPyConnection) -> None:
    query = "select count(*) from marts.fct_impressions group by client_id order by 1 desc"
    sizes = [row[0] for row in warehouse.execute(query).fetchall()]
    assert len(sizes) == 20
    assert sizes[0] > 3 * sizes[1] / 2 > 9 * sizes[-1] / 2


def test_the_questions_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "query", "--scale", "0.001", "--rounds", "2", "--directory", str(tmp_path)]) == 0
    told = {found["figure"]: found for found in map(json.loads, capsys.readouterr().out.splitlines())}
    assert list(told) == ["query_reports", "query_planning", "query_client", "query_clients"]
    for name in ("query_reports", "query_client", "query_clients"):
        first, second = told[name]["rounds"]
        assert first["result_rows"] == second["result_rows"] > 0
        assert first["file_mb"] > 1
        assert first["rows"]["fct_impressions"] == 100_000
        assert {"table", "columns", "rows_expected", "rows", "rows_scanned"} == set(first["plan"][0])
        assert first["ratio"] == pytest.approx(first["value"] / first["floor"], rel=0.01)
