"""Counts and sums find every difference of values, and nothing else; rows move only where the sums differ."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from demo.server import Server
from ingestion.errors import VerifyError
from ingestion.postgres.source import connect
from ingestion.verify.forms import Form, row_text
from ingestion.verify.slices import WHOLE
from ingestion.verify.snapshot import Snapshot
from tests.ingestion.every_type import SCHEMA, TYPES
from tests.ingestion.following import beside
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.test_every_type import insert
from tests.ingestion.verifying import compared, tamper, verify
from tests.ingestion.warehouses import PostgresWarehouse, Warehouse

ROWS = 40
_odd = st.text("\x1f;n01a", max_size=5)


@pytest.fixture
def flux(database: str, tmp_path: Path, warehouse: Warehouse) -> Pipeline:
    return pipeline(database, tmp_path, warehouse=warehouse)


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was spooled: (table, part)."""
    seen: list[Any] = []
    spool = Snapshot.spool

    def noted(self: Snapshot, relation: Any, path: Any, part: Any, layout: Any) -> Any:
        seen.append((relation.source, part))
        return spool(self, relation, path, part, layout)

    monkeypatch.setattr(Snapshot, "spool", noted)
    return seen


def test_every_type_is_equal_by_its_checksum_alone(flux: Pipeline, spools: list[Any]) -> None:
    flux.execute(*SCHEMA)
    columns = ", ".join(f"c{i} {declared}" for i, declared in enumerate(TYPES))
    flux.execute(f"create table t (id int primary key, {columns})")
    rows = [tuple(None if n % 5 == 0 else example(kind, n) for kind in TYPES.values()) for n in range(ROWS)]
    insert(flux, "t", tuple(TYPES), 0, rows)
    flux.replicate()
    insert(flux, "t", tuple(TYPES), ROWS, rows)

    table = compared(verify(flux), "public.t")

    assert (table.equal, table.way, table.rows_source, table.rows_warehouse) == (True, "checksum", 2 * ROWS, 2 * ROWS)
    assert not spools


def example(strategy: st.SearchStrategy[str], number: int) -> str:
    """One value of many, the same each time."""
    found: list[str] = []

    @settings(max_examples=ROWS, database=None, derandomize=True, deadline=None)
    @given(strategy)
    def collect(value: str) -> None:
        found.append(value)

    if strategy not in _EXAMPLES:
        collect()
        _EXAMPLES[strategy] = found
    return _EXAMPLES[strategy][number % len(_EXAMPLES[strategy])]


_EXAMPLES: dict[Any, list[str]] = {}


def test_the_least_change_of_a_value_is_found(flux: Pipeline) -> None:
    flux.execute(
        """
        create table t (
            id int primary key, f float8, r real, n numeric, m numeric(12,2), moment timestamptz, ts timestamp, s text,
            v varchar(9), a text[], y bytea, b bool, j json
        )
        """,
        """
        insert into t select i, 0.1, 0.1, '1.0', 1.10, '2024-02-03 04:05:06.000007Z', '2024-02-03 04:05:06.000007',
            'x ', '', '{a,b}', '\\x00ff', true, '{"a": 1}' from generate_series(1, 14) as i
        """,
    )
    flux.replicate()
    tamper(
        flux,
        "update raw_app.t set f = 0.10000000000000002 where id = 1",
        "update raw_app.t set r = 0.10000001 where id = 2",
        "update raw_app.t set n = '1.00' where id = 3",
        "update raw_app.t set m = 1.11 where id = 4",
        "update raw_app.t set moment = '2024-02-03 04:05:06.000008Z' where id = 5",
        "update raw_app.t set ts = '2024-02-03 04:05:06.000006' where id = 6",
        "update raw_app.t set s = 'x' where id = 7",
        "update raw_app.t set v = null where id = 8",
        "update raw_app.t set a = '{a,B}' where id = 9",
        "update raw_app.t set y = null where id = 10",
        "update raw_app.t set b = false where id = 11",
        """update raw_app.t set j = '{"a":1}' where id = 12""",
    )

    table = compared(verify(flux), "public.t")

    assert (table.way, table.differing_keys) == ("checksum", 12)
    assert sorted(int(key["id"] or 0) for key in table.sample) == list(range(1, 13))


def test_values_that_change_places_are_found(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute(
        "create table t (id int primary key, a text, b text)", "insert into t values (1, 'x', 'y'), (2, 'y', 'x')"
    )
    flux.replicate()
    tamper(flux, "update raw_app.t set a = b, b = a where id = 1")

    assert compared(verify(flux), "public.t").sample == ({"id": "1"},)


def test_a_rows_text_is_no_other_rows() -> None:
    forms = (Form.TEXT, Form.OTHER, Form.TEXT)
    query = row_text([(form, f"c{i}") for i, form in enumerate(forms)], lambda value: f"strlen({value})")
    rows = st.lists(st.none() | _odd, min_size=3, max_size=3)
    with duckdb.connect() as connection:

        def text(values: list[str | None]) -> str:
            row = connection.execute(f"select {query} from (select $1 as c0, $2 as c1, $3 as c2)", values).fetchone()
            return str(row and row[0])

        @settings(max_examples=200, deadline=None)
        @given(rows, rows)
        def check(one: list[str | None], other: list[str | None]) -> None:
            assert (text(one) == text(other)) == (one == other)

        check()


def test_zeros_of_another_sign_are_no_difference(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key, f float8)", "insert into t values (1, 0)")
    flux.replicate()
    tamper(flux, "update raw_app.t set f = -0.0::double")

    assert compared(verify(flux), "public.t").equal


def test_of_a_large_table_only_the_rows_near_a_difference_move(flux: Pipeline, spools: list[Any]) -> None:
    flux.execute(
        "create table t (a int, id bigint, v text, primary key (a, id))",
        "insert into t select i % 3, i * 1000, 'v' || i from generate_series(1, 9000) as i",
        "create table u (id uuid primary key, n int)",
        "insert into u select gen_random_uuid(), i from generate_series(1, 9000) as i",
    )
    flux.replicate()
    tamper(flux, "delete from raw_app.t where id = 4000", "update raw_app.u set n = -1 where n = 5")

    report = verify(flux, part_rows=4500)

    assert compared(report, "public.t").sample == ({"a": "1", "id": "4000"},)
    assert (compared(report, "public.t").rows_source, compared(report, "public.t").rows_warehouse) == (9000, 8999)
    assert compared(report, "public.u").differing_keys == 1
    parts = dict(spools)
    assert len(spools) == 2
    assert (parts["public.t"].low is None) != (parts["public.t"].high is None), "one of two ranges"
    assert all(0 < len(part.buckets) < part.of for part in parts.values())


def test_a_key_of_several_columns_is_cut_into_ranges_that_hold_each_row_once(flux: Pipeline) -> None:
    flux.execute(
        "create table t (a int, b bigint, c smallint, v text, primary key (a, b, c))",
        "insert into t select i % 3 - 1, i % 100 - 50, i / 300, 'v' || i from generate_series(0, 2999) as i",
    )
    flux.replicate()
    tamper(flux, "update raw_app.t set v = 'wrong' where b = -50")

    table = compared(verify(flux, part_rows=500, repair=True), "public.t")

    assert (table.rows_source, table.rows_warehouse, table.differing_keys, table.repaired_keys) == (3000, 3000, 30, 30)
    assert verify(flux, part_rows=700).equal


def test_uuids_are_ordered_alike_on_both_sides(flux: Pipeline, spools: list[Any]) -> None:
    flux.execute(
        "create table t (id uuid, n int, v text, primary key (id, n))",
        "insert into t select gen_random_uuid(), i, 'v' from generate_series(1, 3000) as i",
    )
    flux.replicate()
    flux.execute("insert into t values (repeat('0', 32)::uuid, 1, 'w'), (repeat('f', 32)::uuid, 1, 'w')")

    table = compared(verify(flux, part_rows=200, max_age_seconds=20), "public.t")
    assert (table.equal, table.way, table.rows_source, table.rows_warehouse) == (True, "checksum", 3002, 3002)
    tamper(flux, "delete from raw_app.t where n = 7")
    table = compared(verify(flux, part_rows=200, max_age_seconds=20), "public.t")
    assert (table.rows_source, table.rows_warehouse, table.differing_keys) == (3002, 3001, 1)
    assert [part != WHOLE for _, part in spools] == [True]


def test_no_snapshot_is_used_for_longer_than_it_may_get_old(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute(
        "create table t (id int primary key, v int)",
        "insert into t select i, i from generate_series(1, 4000) as i",
        "create table u (id int primary key)",
    )
    flux.replicate()

    report = verify(
        flux,
        meanwhile=("update t set v = v + 1 where id % 7 = 0", "delete from t where id % 11 = 3", "insert into u "
                   "select coalesce(max(id), 0) + 1 from u"),
        part_rows=1000,
        max_age_seconds=0,
    )  # fmt: skip

    assert report.equal
    assert len(report.held) > 4
    assert all(held.transactions > 0 for held in report.held)
    assert len({table.lsn for table in report.tables}) == 2
    assert report.lsn == max(table.lsn for table in report.tables)


def test_a_source_that_is_written_to_all_the_time_is_equal(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute(
        "create table t (id int primary key, v text)", "insert into t select i, 'v' from generate_series(1, 3000) as i"
    )
    flux.replicate()

    with written(flux):
        report = verify(flux, part_rows=500, max_age_seconds=0.2)

    assert report.equal
    assert verify(flux).equal


def test_a_source_that_breaks_off_is_told_of(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key)")
    flux.replicate()
    hangs_up = (
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where datname = current_database() and state = 'idle in transaction'"
    )

    with pytest.raises(VerifyError, match=r"source broke off while it was compared \(AdminShutdown, SQLSTATE 57P01\)"):
        verify(flux, meanwhile=[hangs_up])

    assert verify(flux).equal


@contextmanager
def written(flux: Pipeline) -> Iterator[None]:
    """Write to t, again and again, for the length of the block."""

    def write(stop: threading.Event) -> None:
        number = 0
        with connect(flux.source) as connection:
            while not stop.is_set():
                number += 1
                connection.execute("update t set v = v || 'x' where id %% 97 = %s", (number % 97,))
                connection.execute("delete from t where id = %s", (number,))
                connection.execute("insert into t values (%s, 'new')", (10_000 + number,))

    with beside(write):
        yield


def test_a_table_with_more_columns_than_a_function_takes_is_equal_by_checksum(
    database: str, tmp_path: Path, postgres_warehouse: PostgresWarehouse
) -> None:
    flux = pipeline(database, tmp_path, warehouse=postgres_warehouse)
    columns = ", ".join(f"c{i} text default 'x{i}'" for i in range(150))
    flux.execute(f"create table t (id int primary key, {columns})", "insert into t values (1), (2)")
    flux.replicate()
    tamper(flux, "update raw_app.t set c149 = 'y' where id = 2")

    table = compared(verify(flux), "public.t")

    assert (table.way, table.sample) == ("checksum", ({"id": "2"},))


def test_sides_with_other_columns_are_compared_by_their_values(database: str, tmp_path: Path) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key, v text)", "insert into t values (1, 'x')")
    flux.replicate()
    tamper(flux, """update _flux.tables set shape = replace(shape, '"v", "attnum": 2', '"w", "attnum": 9')""")

    table = compared(verify(flux), "public.t")

    assert (table.way, table.equal) == ("values", False)
    assert table.note == "not in the warehouse yet: v; no longer at the source: v"


def test_a_source_of_another_encoding_is_compared_by_its_values(postgres_server: Server, tmp_path: Path) -> None:
    with psycopg.connect(postgres_server.database_url("postgres"), autocommit=True) as connection:
        connection.execute("create database latin template template0 encoding 'LATIN1' locale_provider libc locale 'C'")
        try:
            flux = pipeline(postgres_server.database_url("latin"), tmp_path)
            flux.execute("create table t (id int primary key, v text)", "insert into t values (1, 'é')")
            flux.replicate()

            table = compared(verify(flux), "public.t")

            assert (table.way, table.equal) == ("values", True)
        finally:
            connection.execute(
                "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots "
                "where database = 'latin' and active_pid is not null"
            )
            connection.execute(
                "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = 'latin'"
            )
            connection.execute(sql.SQL("drop database latin with (force)"))
