"""The rows of a COPY come as the server sent them, whoever cuts them, and a query that fails is told as one."""

from collections.abc import Iterator

import psycopg
import pytest

from ingestion.postgres import copy_stream
from ingestion.postgres.copy_stream import read_rows
from ingestion.postgres.source import Source, connect
from tests.ingestion.following import until

BLOCK_BYTES = 64 << 10
ROWS = "select n, repeat('x', n % 700) from generate_series(1, {}) as n"


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with connect(Source(database)) as opened:
        yield opened


@pytest.fixture(params=["socket", "libpq"])
def cut_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who cuts the rows; libpq does where the connection is encrypted."""
    if request.param == "libpq":
        monkeypatch.setattr(copy_stream, "_read_socket", lambda descriptor, block_bytes: iter(()))
    return str(request.param)


def blocks(connection: psycopg.Connection[tuple[object, ...]], query: str) -> list[list[bytes]]:
    statement = f"copy ({query}) to stdout (format binary)".encode()
    return [[bytes(row) for row in rows] for rows in read_rows(connection, statement, BLOCK_BYTES)]


def by_psycopg(connection: psycopg.Connection[tuple[object, ...]], query: str) -> list[bytes]:
    with connection.cursor() as cursor, cursor.copy(f"copy ({query}) to stdout (format binary)".encode()) as copy:
        return [bytes(row) for row in copy]


def both(connection: psycopg.Connection[tuple[object, ...]], query: str) -> tuple[list[bytes], list[bytes]]:
    return [row for rows in blocks(connection, query) for row in rows], by_psycopg(connection, query)


@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_rows_come_as_psycopg_gives_them(
    connection: psycopg.Connection[tuple[object, ...]], cut_by: str, count: int
) -> None:
    found, wanted = both(connection, ROWS.format(count))

    assert found == wanted
    assert len(found) == count + 1


def test_a_block_is_not_much_larger_than_it_was_asked_for(
    connection: psycopg.Connection[tuple[object, ...]], cut_by: str
) -> None:
    sizes = [sum(map(len, rows)) for rows in blocks(connection, ROWS.format(20_000))]

    assert len(sizes) > 50
    assert max(sizes) < 1.3 * BLOCK_BYTES


def test_rows_longer_than_a_block_are_whole(connection: psycopg.Connection[tuple[object, ...]], cut_by: str) -> None:
    found, wanted = both(
        connection,
        "select n, repeat('y', case when n % 50 = 3 then n * 1000 else n end) from generate_series(1, 999) n",
    )

    assert found == wanted
    assert max(map(len, found)) > 10 * BLOCK_BYTES


def test_notices_among_the_rows_are_no_rows(connection: psycopg.Connection[tuple[object, ...]], cut_by: str) -> None:
    connection.execute(
        "create function tell(n int) returns int language plpgsql as "
        "$$ begin if n % 10 = 0 then raise notice 'at %', n; end if; return n; end $$"
    )

    found, wanted = both(connection, "select tell(n) from generate_series(1, 5000) as n")

    assert found == wanted


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("select * from nowhere", psycopg.errors.UndefinedTable),
        ("select 1 / (n - 9000) from generate_series(1, 10000) as n", psycopg.errors.DivisionByZero),
    ],
)
def test_a_query_that_fails_raises_what_it_would_elsewhere_and_leaves_the_connection_whole(
    connection: psycopg.Connection[tuple[object, ...]], cut_by: str, query: str, error: type[psycopg.Error]
) -> None:
    with pytest.raises(error):
        blocks(connection, query)

    assert connection.execute("select 1").fetchone() == (1,)
    assert len(blocks(connection, ROWS.format(10))[0]) == 11


def test_a_backend_that_dies_is_told(
    connection: psycopg.Connection[tuple[object, ...]], database: str, cut_by: str
) -> None:
    rows = read_rows(connection, f"copy ({ROWS.format(10_000_000)}) to stdout".encode(), BLOCK_BYTES)
    next(rows)
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])

    with pytest.raises(psycopg.OperationalError):
        list(rows)

    assert connection.broken


def test_whoever_leaves_early_leaves_a_broken_connection(
    connection: psycopg.Connection[tuple[object, ...]], database: str, cut_by: str
) -> None:
    pid = connection.info.backend_pid
    rows = read_rows(connection, f"copy ({ROWS.format(10_000_000)}) to stdout".encode(), BLOCK_BYTES)
    next(rows)
    rows.close()  # type: ignore[attr-defined]

    assert connection.broken
    with psycopg.connect(database, autocommit=True) as other:
        until(lambda: other.execute("select from pg_stat_activity where pid = %s", [pid]).fetchone() is None)
