"""What a backlog brings goes straight into DuckDB's file, with more memory, whatever its row groups are like."""

from pathlib import Path

import pytest

from ingestion.warehouse.duckdb.connection import connect, wal
from ingestion.warehouse.duckdb.destination import DuckdbDestination

ROWS = 5_000


def bring(destination: DuckdbDestination) -> None:
    with destination.transaction():
        destination.session.execute(f"insert into t select i, repeat(i::text, 20) from range({ROWS}) as r (i)")


def groups(destination: DuckdbDestination) -> int:
    return int(destination.session.execute("select count(distinct row_group_id) from pragma_storage_info('t')")[0][0])


def test_rows_of_a_backlog_go_straight_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    connection = connect(path)
    destination = DuckdbDestination(connection)
    destination.session.execute("create table t (i bigint, text varchar)")
    bring(destination)
    sizes = []
    for _ in range(12):
        before = wal(path).stat().st_size if wal(path).exists() else 0
        destination.events.foresee(backlog=True)
        bring(destination)
        sizes.append(wal(path).stat().st_size - before)
    assert max(sizes) < ROWS
    assert path.stat().st_mode & 0o777 == 0o600
    destination.events.foresee(backlog=False)
    destination.session.execute("create table other as select 1")
    small = groups(destination)
    destination.session.execute("checkpoint")
    assert groups(destination) < small
    connection.close()
    again = connect(path)
    same = "count(*) filter (where text = repeat(i::text, 20))"
    assert again.execute(f"select count(*), count(distinct i), {same} from t").fetchall() == [
        (13 * ROWS, ROWS, 13 * ROWS)
    ]
    again.close()


def test_a_backlog_has_more_memory_and_gives_it_back(tmp_path: Path) -> None:
    connection = connect(tmp_path / "warehouse.duckdb", memory_bytes=100 << 20)
    events = DuckdbDestination(connection).events
    limits: list[str] = []
    for backlog in (False, True, True, False, True, False):
        events.foresee(backlog=backlog)
        limits += connection.execute("select current_setting('memory_limit')").fetchone() or ()
    connection.close()
    assert limits == ["100.0 MiB", "175.0 MiB", "175.0 MiB", "100.0 MiB", "175.0 MiB", "100.0 MiB"]


def test_what_is_not_committed_is_not_there(tmp_path: Path) -> None:
    connection = connect(tmp_path / "warehouse.duckdb")
    destination = DuckdbDestination(connection)
    destination.session.execute("create table t (i bigint, text varchar)")
    destination.events.foresee(backlog=True)
    connection.execute("begin")
    connection.execute(f"insert into t select i, 'text' from range({ROWS}) as r (i)")
    connection.execute("rollback")
    connection.close()
    again = connect(tmp_path / "warehouse.duckdb")
    assert again.execute("select count(*) from t").fetchall() == [(0,)]
    again.close()


@pytest.mark.parametrize("name", ["memory.duckdb", "it's.duckdb", "a.b.duckdb"])
def test_a_warehouse_may_have_any_name(tmp_path: Path, name: str) -> None:
    for expected in (0, 1):
        connection = connect(tmp_path / name)
        destination = DuckdbDestination(connection)
        destination.session.execute("create table if not exists t (i int)")
        assert destination.session.execute("select count(*) from t") == [(expected,)]
        destination.events.foresee(backlog=True)
        with destination.transaction():
            destination.session.execute("insert into t values (1)")
        connection.close()
