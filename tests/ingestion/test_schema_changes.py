"""Whatever becomes of a table, `_flux.schema_changes` says it, and `_flux.tables` says how the table stands."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingestion.load.loader import ChangeLoader
from ingestion.load.status import write_status
from ingestion.postgres import stream_relations
from ingestion.postgres.catalog import describe
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.plan import _publication, _published
from ingestion.postgres.source import connect
from ingestion.postgres.tables import survey
from ingestion.verify import assert_history_replays
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import Warehouse

# What happens to a table, and what is noted of it: (change, column, detail), without that it was new once.
HAPPENINGS: dict[str, tuple[str, list[tuple[str, str, str]]]] = {
    "added": ("alter table {0} add c int", [("add", "c", "integer")]),
    "dropped": ("alter table {0} drop a", [("drop", "a", "text")]),
    "renamed": ("alter table {0} rename a to aa", [("rename", "a", "aa")]),
    "widened": ("alter table {0} alter v type varchar(9)", [("retype", "v", "character varying(3) -> "
                                                                         "character varying(9)")]),
    "rewritten": (
        "alter table {0} alter n type text using 'n' || n",
        [("copy", "", "it was rewritten, or a partition truncated"), ("retype", "n", "integer -> text")],
    ),
    "filled": (
        "alter table {0} add token uuid default gen_random_uuid()",
        [("add", "token", "uuid"), ("copy", "", "it was rewritten, or a partition truncated")],
    ),
    "keyed": (
        "alter table {0} drop constraint {0}_pkey, add primary key (n)",
        [("key", "", "id -> n")],
    ),
    "made anew": (
        "drop table {0}; create table {0} (id int primary key, other date)",
        [
            ("add", "other", "date"),
            ("copy", "", "another table has its name"),
            ("drop", "a", "text"),
            ("drop", "n", "integer"),
            ("drop", "v", "character varying(3)"),
            ("stop", "", "dropped, or no longer published"),
        ],
    ),
    "truncated alone": (
        "truncate {0}",
        [],
    ),
    "gone": ("drop table {0}", [("stop", "", "dropped, or no longer published")]),
}  # fmt: skip


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    return pipeline(database, tmp_path)


def noted(flux: Pipeline, table: str) -> list[tuple[str, str, str]]:
    query = "select change, column_name, detail from _flux.schema_changes where source = 'public.{}' order by all"
    return [note for note in flux.query(query.format(table)) if note[0] != "new table"]


def test_each_happening_is_noted(flux: Pipeline) -> None:
    names = {happening: f"t{number}" for number, happening in enumerate(HAPPENINGS)}
    for name in names.values():
        flux.execute(
            f"create table {name} (id int primary key, a text, n int not null, v varchar(3))",
            f"insert into {name} select i, 'a', i, 'v' from generate_series(1, 5) i",
        )
    flux.replicate()
    flux.execute(*(HAPPENINGS[happening][0].format(name) for happening, name in names.items()))
    flux.replicate()
    assert {how: noted(flux, name) for how, name in names.items()} == {
        how: notes for how, (_, notes) in HAPPENINGS.items()
    }
    new = flux.query("select source from _flux.schema_changes where change = 'new table' order by 1")
    assert new == sorted((f"public.{name}",) for name in names.values())


def test_partitions_that_come_with_rows_are_a_reason_to_copy(flux: Pipeline) -> None:
    flux.execute(
        "create table p (id int primary key) partition by range (id)",
        "create table p1 partition of p for values from (0) to (10)",
        "insert into p values (1)",
        "create table p2 (id int primary key)",
        "insert into p2 values (11)",
    )
    flux.replicate()
    flux.execute("alter table p attach partition p2 for values from (10) to (20)")
    flux.replicate()
    flux.execute("alter table p detach partition p1")
    flux.replicate()
    assert flux.query("from raw_app.p") == [(11,)]
    assert noted(flux, "p") == [
        ("copy", "", "1 partitions are gone"),
        ("copy", "", "partitions were attached"),
    ]


def states(flux: Pipeline) -> dict[str, str]:
    return dict(flux.query("select source, state from _flux.tables"))


def test_a_dropped_table_stops_with_its_last_rows_and_goes_on_when_it_returns(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "create table u (id int primary key)")
    flux.execute("insert into t values (1)")
    flux.replicate()
    flux.execute("insert into t values (2)", "drop table t")
    flux.replicate()
    assert states(flux) == {"public.t": "stopped", "public.u": "streaming"}
    assert flux.query("select count(*) from raw_app.t") == [(2,)]
    flux.execute("create table t (id int primary key)", "insert into t values (3)")
    flux.replicate()
    assert states(flux) == {"public.t": "streaming", "public.u": "streaming"}
    assert flux.query("from raw_app.t") == [(3,)]


def test_a_table_that_may_replicate_no_more_is_inexact_until_it_returns(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute("alter table t replica identity nothing")
    flux.replicate()
    assert states(flux) == {"public.t": "inexact"}
    ((reason,),) = flux.query("select reason from _flux.quarantine")
    assert "replica identity nothing" in reason
    with flux.destination.open() as destination:
        loader = ChangeLoader(destination, flux.home / "log")
        write_status(destination, flux.home, flux.home / "log", loader.tables, loader.position)
    (told,) = json.loads((flux.home / "status.json").read_text())["tables"]
    assert (told["state"], told["reason"]) == ("inexact", reason)
    flux.execute("insert into t values (2)", "alter table t replica identity default", "insert into t values (3)")
    flux.replicate()
    assert states(flux) == {"public.t": "streaming"}
    assert sorted(flux.query("from raw_app.t")) == [(1,), (2,), (3,)]


def test_a_table_that_returns_is_copied_though_the_last_sight_is_lost(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key)", "insert into t values (1)", "create table u (id int primary key)"
    )
    flux.execute("create publication flux for all tables with (publish_via_partition_root = true)")
    flux.replicate()
    flux.execute("alter table t replica identity nothing")
    flux.replicate()
    assert states(flux) == {"public.t": "inexact", "public.u": "streaming"}
    (flux.home / "log" / "catalog.json").unlink()
    flux.replicate()
    flux.execute("alter table t replica identity default", "insert into t values (2)")
    flux.replicate()
    flux.replicate()
    assert states(flux) == {"public.t": "streaming", "public.u": "streaming"}
    assert sorted(flux.query("from raw_app.t")) == [(1,), (2,)]


def test_a_table_that_somebody_took_out_of_his_publication_stops(flux: Pipeline) -> None:
    flux.execute(
        "create table t (id int primary key)", "create table u (id int primary key)", "insert into t values (1)"
    )
    flux.execute("create publication flux for table t, u with (publish_via_partition_root = true)")
    flux.replicate()
    flux.execute("alter publication flux drop table t", "insert into t values (2)")
    flux.replicate()
    assert states(flux) == {"public.t": "stopped", "public.u": "streaming"}
    flux.execute("alter publication flux add table t")
    flux.replicate()
    assert states(flux) == {"public.t": "streaming", "public.u": "streaming"}
    assert sorted(flux.query("from raw_app.t")) == [(1,), (2,)]


def test_a_table_that_is_dropped_while_nobody_looks_stops(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "create table u (id int primary key)")
    flux.replicate()
    with connect(flux.source) as connection:
        connection.execute("select pg_drop_replication_slot(%s)", (flux.source.slot,))
    flux.execute("drop table t")
    flux.replicate()
    flux.execute("insert into u values (1)")
    flux.replicate()
    assert states(flux) == {"public.t": "stopped", "public.u": "streaming"}


def test_a_table_that_lost_all_columns_is_left_out_until_it_has_one(flux: Pipeline) -> None:
    flux.execute("create table t (a text)", "alter table t replica identity full", "insert into t values ('x')")
    flux.replicate()
    flux.execute("alter table t drop a", "insert into t default values")
    flux.replicate()
    assert states(flux) == {"public.t": "stopped"}
    flux.execute("alter table t add b int", "insert into t values (1)")
    flux.replicate()
    assert states(flux) == {"public.t": "streaming"}
    assert sorted(flux.query("from raw_app.t"), key=repr) == [(1,), (None,), (None,)]


def test_a_column_that_was_there_before_has_no_values_of_then(flux: Pipeline) -> None:
    for table in ("keyed", "bag"):
        flux.execute(
            f"create table {table} (id int, a text, n int)",
            f"alter table {table} " + ("add primary key (id)" if table == "keyed" else "replica identity full"),
            f"insert into {table} select i, 'old', i from generate_series(1, 5) i",
        )
    flux.replicate()
    for change in ("drop a", "add a text", "drop n, drop a", "add n int default 7, add a text default 'new'"):
        flux.execute(*(f"alter table {table} {change}" for table in ("keyed", "bag")))
        flux.execute(*(f"insert into {table} (id) select count(*) + 1 from {table}" for table in ("keyed", "bag")))
        flux.replicate()
        with flux.destination.open() as destination:
            assert_history_replays(destination)
    for table in ("keyed", "bag"):
        # A column may be told by a copy, too: the one of before is gone unseen.
        flux.execute(f"alter table {table} drop a", f"insert into {table} (id) values (20)")
        flux.replicate()
        flux.execute(f"alter table {table} alter n type text using 'n' || n, add a text")
        flux.replicate()
        with flux.destination.open() as destination:
            assert_history_replays(destination)
        assert sorted(flux.query(f"select id, n, a from raw_app.{table}"), key=repr) == sorted(
            flux.at_source(f"select id, n, a from {table}"), key=repr
        )


def test_a_default_of_a_partitioned_table_fills_the_rows_of_before(flux: Pipeline) -> None:
    flux.execute(
        "create table p (id int primary key) partition by range (id)",
        "create table p1 partition of p for values from (0) to (10)",
        "create table p2 partition of p for values from (10) to (20) partition by range (id)",
        "create table p21 partition of p2 for values from (10) to (20)",
        "insert into p values (1), (11)",
    )
    flux.replicate()
    flux.execute("alter table p add n int default 7")
    flux.replicate()
    flux.execute("alter table p add a text default 'x'", "insert into p values (2, 3, 'y')")
    flux.replicate()
    assert sorted(flux.query("select id, n, a from raw_app.p")) == [(1, 7, "x"), (2, 3, "y"), (11, 7, "x")]
    assert flux.query("from _flux.history_gaps") == []


def test_a_catalog_that_lags_behind_the_stream_is_asked_again(flux: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    flux.execute("create table t (id int primary key, a text)")
    flux.replicate()
    flux.execute("alter table t add c int", "insert into t values (1, 'a', 2)")
    asked, unseen = list[Sequence[int]](), iter([True, False])

    def behind(connection: psycopg.Connection[Any], publication: str, oids: Sequence[int]) -> dict[int, Relation]:
        asked.append(oids)
        found = describe(connection, oids)
        if len(asked) > 1:
            return found
        return {oid: replace(relation, columns=relation.columns[:2]) for oid, relation in found.items()}

    monkeypatch.setattr(stream_relations, "describe_published", behind)
    monkeypatch.setattr(stream_relations, "_unseen", lambda *_: next(unseen))
    flux.replicate()
    assert len(asked) == 2
    assert flux.query("select id, a, c from raw_app.t") == [(1, "a", 2)]
    assert flux.query("from _flux.history_gaps") == []


def test_a_transaction_is_unseen_until_sessions_see_it(flux: Pipeline) -> None:
    with connect(flux.source) as writer, connect(flux.source) as reader, writer.transaction():
        ((xid,),) = writer.execute("select (pg_current_xact_id()::text::numeric % 4294967296)::bigint").fetchall()
        assert stream_relations._unseen(reader, xid)
        assert stream_relations._unseen(reader, xid + 1000)
        assert not stream_relations._unseen(reader, xid - 1)
    with connect(flux.source) as reader:
        assert not stream_relations._unseen(reader, xid)


KEYS = (
    "alter table {0} drop constraint {0}_pkey, add primary key (n)",
    "alter table {0} drop constraint {0}_pkey, add primary key (n, id)",
    "alter table {0} drop constraint {0}_pkey, replica identity full",
    "begin; update {0} set n = n + 10; insert into {0} values (50, 51, 'x'); delete from {0} where id = 2; "
    "alter table {0} drop constraint {0}_pkey; alter table {0} add primary key (n); "
    "update {0} set id = id + 1; insert into {0} values (60, 61, 'y'); update {0} set n = n + 100 where id = 4; commit",
    "alter table {0} rename id to number; update {0} set number = 70 where n = 3",
    "begin; insert into {0} values (50, 51, 'x'); alter table {0} add c int default 5; "
    "insert into {0} values (51, 52, 'y', 6); commit",
)


def test_a_history_replays_across_a_change_of_its_key(database: str, tmp_path: Path, warehouse: Warehouse) -> None:
    flux = pipeline(database, tmp_path, warehouse=warehouse)
    for number in range(2 * len(KEYS)):
        flux.execute(
            f"create table t{number} (id int primary key, n int not null, a text)",
            f"insert into t{number} select i, i + 1, 'a' from generate_series(1, 5) i",
        )
    flux.replicate()
    for number, change in enumerate(KEYS):
        flux.execute(
            *(f"update {table} set a = 'b' where id = 1" for table in (f"t{number}", f"t{number + len(KEYS)}")),
            change.format(f"t{number}"),
            f"update t{number} set a = 'c' where n = 4",
            f"delete from t{number} where n = 5",
        )
    flux.replicate()
    flux.execute(f"select pg_drop_replication_slot('{flux.source.slot}')")
    for number, change in enumerate(KEYS):  # and told by a copy
        flux.execute(change.format(f"t{number + len(KEYS)}"))
    flux.replicate()
    for number in range(2 * len(KEYS)):
        flux.execute(f"update t{number} set a = 'd' where n = 6", f"delete from t{number} where n = 2")
    flux.replicate()
    for number in range(2 * len(KEYS)):
        assert sorted(flux.query(f"select * from raw_app.t{number}"), key=repr) == sorted(
            flux.at_source(f"select * from t{number}"), key=repr
        )
    with flux.destination.open() as destination:
        assert_history_replays(destination)


def test_a_change_behind_the_last_row_of_the_backlog_is_seen_in_the_same_run(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    flux.execute("alter table t add a int", "insert into t values (2, 2)", "alter table t add b int default 7")
    flux.replicate()
    assert sorted(flux.query("select id, a, b from raw_app.t"), key=repr) == [(1, None, 7), (2, 2, 7)]
    assert flux.query("from _flux.history_gaps") == []


def test_a_table_that_changes_while_it_is_planned_stays_published(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, a int)")
    flux.replicate()
    with connect(flux.source) as planner:
        planner.execute("begin isolation level repeatable read read only")
        planner.execute("select 1")  # the snapshot: the publication's view knows better
        flux.execute("alter table t drop a")
        planned, _ = survey(planner)
        publication = _publication(planner, "flux")
        assert publication is not None
        kept, refused = _published("flux", publication, planned, [])
    assert ([plan.table.source for plan in kept], refused) == (["public.t"], [])
