"""The product's schema holds what a replicator must survive, and the simulator knows its columns."""

from __future__ import annotations

import psycopg

from demo.product import Demo
from demo.tables import TABLES
from tests.demo.conftest import END


def test_simulator_knows_every_table_and_column_in_order(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        rows = connection.execute(
            """
            select case when n.nspname = 'public' then '' else n.nspname || '.' end || c.relname,
                   array_agg(a.attname::text order by a.attnum)
            from pg_attribute as a
            join pg_class as c on c.oid = a.attrelid
            join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname in ('public', 'restricted') and a.attnum > 0 and c.relkind in ('r', 'p')
              and not c.relispartition and c.relname <> 'simulated_clock'
            group by 1
            """
        ).fetchall()
    assert {name: tuple(columns) for name, columns in rows} == {name: t.columns for name, t in TABLES.items()}
    assert len(rows) == 32


def test_three_tables_have_replica_identity_full_and_one_of_them_no_key(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        rows = connection.execute(
            "select relname, exists (select from pg_constraint where conrelid = c.oid and contype = 'p')"
            " from pg_class c where relreplident = 'f' order by 1"
        ).fetchall()
    assert rows == [("audit_log_raw", False), ("consents", True), ("saved_items", True)]


def test_each_simulated_month_has_a_partition_and_others_fall_into_the_default(filled: str) -> None:
    insert = (
        "insert into match_recommendations (request_id, client_id, member_id, opportunity_id, rank, score, propensity,"
        " created_at) values (gen_random_uuid(), 1, 1, 1, 1, 0.5, 0.5, %s) returning tableoid::regclass::text"
    )
    with psycopg.connect(filled) as connection:
        places = [connection.execute(insert, [at]).fetchone() for at in ("2026-09-05", "2026-10-31", "2040-01-01")]
    assert places == [
        ("match_recommendations_2026_09",), ("match_recommendations_2026_10",), ("match_recommendations_default",),
    ]  # fmt: skip


def test_creating_the_schema_twice_changes_nothing(filled: str) -> None:
    Demo(filled).create_schema()
    assert Demo(filled).config.end_on == END
