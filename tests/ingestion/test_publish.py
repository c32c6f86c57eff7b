"""What readers open: whole, readable by an older DuckDB, and without a byte of what is restricted."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from ingestion.errors import PublishError
from ingestion.warehouse.duckdb.connection import connect
from ingestion.warehouse.publish import Audience, PublishReport, publish

SECRETS = [f"secret-{uuid.uuid4()}" for _ in range(50)]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A live warehouse: raw tables, restricted ones, machinery, models that reach into each."""
    with connect(tmp_path / "live" / "warehouse.duckdb") as connection:
        connection.execute(
            """
            begin;  -- once to disk, not once a statement
            create schema raw_app; create schema staging; create schema marts; create schema restricted;
            create schema restricted_history; create schema _flux;
            create table raw_app.members (id bigint, name varchar, open_to varchar);
            insert into raw_app.members select i, 'member ' || i, '{job}' from range(1000) as r (i);
            create view staging.stg_app__members as
                with source as (select * from "warehouse"."raw_app"."members") select id as member_id, name from source;
            create table marts.dim_members as select * from staging.stg_app__members;
            comment on table marts.dim_members is 'One row per member''s employment';
            comment on column marts.dim_members.member_id is 'key';
            create table restricted.member_demographics (member_id bigint, answer varchar);
            create table restricted_history.member_demographics (member_id bigint, answer varchar, _op varchar);
            create view marts.demographics as
                select * from restricted.member_demographics join marts.dim_members using (member_id);
            create view marts.demographics_too as select * from marts.demographics;
            create view restricted.adverse_impact as select * from marts.demographics;
            create table _flux.cuts (cut_id bigint); insert into _flux.cuts values (7);
            create table _flux.quarantine (reason varchar, raw blob);
            """
        )
        connection.execute("create temp table secrets as select unnest($secrets) as secret", {"secrets": SECRETS})
        connection.execute(
            """
            insert into restricted.member_demographics select row_number() over (), secret from secrets;
            insert into restricted_history.member_demographics
                select row_number() over (), secret, 'insert' from secrets;
            insert into _flux.quarantine select 'unknown type', secret::blob from secrets;
            commit;
            """
        )
        yield connection


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "published" / "warehouse.duckdb"


def relations(path: Path) -> set[str]:
    with duckdb.connect(str(path), read_only=True) as reader:
        rows = reader.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
            " union all select schema_name || '.' || view_name from duckdb_views() where not internal"
        ).fetchall()
    return {row[0] for row in rows}


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as reader:
        return reader.execute(sql).fetchall()


def test_copy_for_all_holds_raw_tables_models_and_readable_machinery(
    live: duckdb.DuckDBPyConnection, target: Path
) -> None:
    report = publish(live, target)

    assert relations(target) == {"raw_app.members", "staging.stg_app__members", "marts.dim_members", "_flux.cuts"}
    assert (report.tables, report.views, report.rows) == (3, 1, 2001)
    assert report.file_bytes == target.stat().st_size


def test_older_duckdb_can_open_the_copy(live: duckdb.DuckDBPyConnection, target: Path) -> None:
    publish(live, target)

    header = target.read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert 64 <= int.from_bytes(header[12:20], "little") <= 68  # what DuckDB 1.5.4 reads


def test_no_byte_of_a_restricted_or_quarantined_value_is_in_the_copy(
    live: duckdb.DuckDBPyConnection, target: Path, tmp_path: Path
) -> None:
    live.execute("checkpoint")
    in_the_live_file = [s for s in SECRETS if s.encode() in (tmp_path / "live" / "warehouse.duckdb").read_bytes()]
    assert in_the_live_file  # so that their absence means something

    publish(live, target)

    assert [secret for secret in SECRETS if secret.encode() in target.read_bytes()] == []


def test_view_answers_from_the_copy(live: duckdb.DuckDBPyConnection, target: Path) -> None:
    publish(live, target)

    assert query(target, "select count(*), max(member_id) from staging.stg_app__members") == [(1000, 999)]


def test_view_that_reaches_into_restricted_is_left_out_and_named(live: duckdb.DuckDBPyConnection, target: Path) -> None:
    report = publish(live, target)

    assert {left.relation for left in report.left_out} == {"marts.demographics", "marts.demographics_too"}
    assert "member_demographics" in {left.relation: left.reason for left in report.left_out}["marts.demographics"]


def test_view_made_before_the_one_it_reads_was_replaced_is_published(
    live: duckdb.DuckDBPyConnection, target: Path
) -> None:
    live.execute("create view marts.names as select name from staging.stg_app__members")
    live.execute("create or replace view staging.stg_app__members as select id as member_id, name from raw_app.members")

    publish(live, target)

    assert query(target, "select count(*) from marts.names") == [(1000,)]


def test_comments_come_along(live: duckdb.DuckDBPyConnection, target: Path) -> None:
    publish(live, target)

    assert query(target, "select comment from duckdb_tables() where table_name = 'dim_members'") == [
        ("One row per member's employment",)
    ]
    assert query(target, "select comment from duckdb_columns() where comment is not null") == [("key",)]


def test_open_reader_keeps_the_old_copy_and_a_new_one_sees_the_new(
    live: duckdb.DuckDBPyConnection, target: Path
) -> None:
    publish(live, target)
    with duckdb.connect(str(target), read_only=True) as old:
        live.execute("insert into raw_app.members values (5000, 'new', '{}')")
        publish(live, target)

        assert old.execute("select count(*) from raw_app.members").fetchall() == [(1000,)]
    assert query(target, "select count(*) from raw_app.members") == [(1001,)]


def test_rows_that_the_owner_has_not_committed_are_not_published(live: duckdb.DuckDBPyConnection, target: Path) -> None:
    live.execute("begin; insert into raw_app.members values (5000, 'new', '{}')")
    publish(live, target)
    live.execute("rollback")

    assert query(target, "select count(*) from raw_app.members") == [(1000,)]


def test_restricted_copy_is_for_its_audience_alone_and_turns_its_views_into_tables(
    live: duckdb.DuckDBPyConnection, target: Path
) -> None:
    apart = target.with_name("warehouse_restricted.duckdb")
    report = publish(live, apart, audience=Audience.RESTRICTED)

    assert relations(apart) == {
        "restricted.member_demographics",
        "restricted_history.member_demographics",
        "restricted.adverse_impact",
    }
    assert query(apart, "select count(*) from restricted.adverse_impact") == [(50,)]
    assert apart.stat().st_mode & 0o777 == 0o600
    assert report.left_out == ()


def test_file_named_like_one_of_its_schemas_is_refused(live: duckdb.DuckDBPyConnection, target: Path) -> None:
    with pytest.raises(PublishError, match="DuckDB could not tell the file from its schema"):
        publish(live, target.with_name("marts.duckdb"))


def test_excluded_schemas_stay_out(live: duckdb.DuckDBPyConnection, target: Path) -> None:
    publish(live, target, exclude=["staging", "_flux"])

    assert relations(target) == {"raw_app.members", "marts.dim_members"}


def test_closed_file_is_published_by_its_path(live: duckdb.DuckDBPyConnection, target: Path, tmp_path: Path) -> None:
    live.close()

    report = publish(tmp_path / "live" / "warehouse.duckdb", target)

    assert (report.tables, report.views) == (3, 1)
    assert query(target, "select count(*) from staging.stg_app__members") == [(1000,)]


def test_missing_warehouse_is_named_with_the_command_that_makes_it(tmp_path: Path, target: Path) -> None:
    with pytest.raises(PublishError, match=r"nothing.duckdb' does not exist; run 'flux replicate --until-now' first"):
        publish(tmp_path / "nothing.duckdb", target)


def test_failure_leaves_the_old_copy_and_no_rubbish(live: duckdb.DuckDBPyConnection, target: Path) -> None:
    publish(live, target)
    before = target.read_bytes()
    live.execute("create view restricted.broken as select cast(name as integer) as number from raw_app.members")

    with pytest.raises(PublishError, match="the copy of before is still in its place"):
        publish(live, target, audience=Audience.RESTRICTED)

    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == ["warehouse.duckdb"]
    publish(live, target)  # the failure left nothing attached, nor a transaction open


def test_killed_publisher_leaves_the_old_copy_and_the_next_sweeps_the_rest(
    live: duckdb.DuckDBPyConnection, target: Path, tmp_path: Path
) -> None:
    publish(live, target)
    live.close()
    before = target.read_bytes()
    script = (
        "import os, sys; from pathlib import Path; from ingestion.warehouse import publish\n"
        "publish._into_place = lambda *_: os.kill(os.getpid(), 9)\n"
        "publish.publish(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "live" / "warehouse.duckdb"), str(target)])

    assert killed.returncode == -9
    assert target.read_bytes() == before
    assert len(list(target.parent.iterdir())) == 2
    publish(tmp_path / "live" / "warehouse.duckdb", target)
    assert list(target.parent.iterdir()) == [target]


def test_two_publishers_of_one_target_do_not_meet(
    live: duckdb.DuckDBPyConnection, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ingestion.warehouse.publish as module

    place, inside, go_on = module._into_place, threading.Event(), threading.Event()
    reports: list[PublishReport] = []

    def hesitate(new: Path, where: Path, mode: int) -> None:
        inside.set()
        assert go_on.wait(10)
        place(new, where, mode)

    monkeypatch.setattr(module, "_into_place", hesitate)
    first = threading.Thread(target=lambda: reports.append(publish(live, target)))
    first.start()
    assert inside.wait(10)
    with pytest.raises(PublishError, match="another process publishes"):
        publish(live, target)
    go_on.set()
    first.join(10)

    assert [report.tables for report in reports] == [3]
