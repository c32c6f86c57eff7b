"""What is restricted is published for its own audience, and for no other."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from ingestion.warehouse.postgres.connection import connect
from ingestion.warehouse.publish import Audience, publish
from orchestration.walk.readers import served

pytestmark = pytest.mark.slow

AUDIT = {"rpt_bias_audit", "rpt_bias_audit_summary", "int_bias_decisions"}


def tables(file: Path) -> dict[str, set[str]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute("select schema_name, table_name from duckdb_tables() where not internal").fetchall()
    found: dict[str, set[str]] = {}
    for schema, name in rows:
        found.setdefault(schema, set()).add(name)
    return found


def test_the_bias_audit_is_published_apart_as_tables_and_never_in_the_general_copy(built: Path, tmp_path: Path) -> None:
    apart = publish(built, tmp_path / "apart.duckdb", audience=Audience.RESTRICTED)
    general = publish(built, tmp_path / "general.duckdb")
    assert set(tables(apart.target)) == {"restricted", "restricted_history"}
    assert tables(apart.target)["restricted"] >= AUDIT | {"int_bias_comparisons"}  # a view in the warehouse
    assert stat.S_IMODE(apart.target.stat().st_mode) == 0o600
    with duckdb.connect(str(general.target), read_only=True) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_schema like 'restricted%'"
            " or regexp_matches(table_name, '(^|_)bias') or table_name like '%restricted%'"
        ).fetchall()
    assert names == []


def test_nothing_restricted_is_served_from_a_postgres_warehouse(built_on_postgres: str) -> None:
    with closing(connect(built_on_postgres)) as connection:
        relations = served(connection)
        readable = connection.execute(
            "select count(*) from pg_class where relnamespace = 'restricted'::regnamespace and relkind in ('r', 'v')"
            " and has_table_privilege('pg_monitor', oid, 'select')"
        ).fetchone()
    assert {schema for schema, _ in relations} == {"marts", "reporting", "ml", "intermediate"}
    assert not AUDIT & {name for _, name in relations}
    assert readable == (0,)


def test_no_small_cell_is_in_what_may_leave(built: Path) -> None:
    with duckdb.connect(str(built), read_only=True) as connection:
        audit, summary = "restricted.rpt_bias_audit", "restricted.rpt_bias_audit_summary"
        key = "model_version_id, client_slug, tool_stage, metric, dimension, category"
        shown, small = connection.execute(
            "select count(*) filter (coalesce(s.n, s.selected, s.rate, s.impact_ratio, s.p_value) is not null"
            f" or s.adverse_impact is not null), count(*) from {audit} as a join {summary} as s using ({key})"
            " where a.member_count < 5"
        ).fetchall()[0]
        (lonely,) = connection.execute(
            "select count(*) from (select count(*) filter (is_suppressed) as hidden, count(*) as all_cells"
            f" from {summary} group by model_version_id, client_slug, tool_stage, metric, dimension)"
            " where hidden = 1 and all_cells > 1"
        ).fetchall()[0]
    assert small > 20
    assert shown == 0
    assert lonely == 0
