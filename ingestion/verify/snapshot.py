"""The source as it was at one position, read while the world goes on.

A temporary slot's exported snapshot gives the LSN: a row is visible in it if and only if its transaction committed
before. The snapshot holds the source's xmin horizon back for as long as it is open: VACUUM removes no row version that
died meanwhile. So it says afterwards for how long and over how many transactions that was.
"""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from ingestion.errors import SourceError, VerifyError
from ingestion.postgres.blockers import writing
from ingestion.postgres.catalog import types_with_own_text_cast
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.lsn import Lsn, parse_lsn
from ingestion.postgres.published import describe_published
from ingestion.postgres.select_list import copy_query, key_range
from ingestion.postgres.slot import in_recovery, make_slot
from ingestion.postgres.source import Source, connect, limited
from ingestion.postgres.walsender import Walsender
from ingestion.verify.forms import Form, Layout, postgres_bits, postgres_number
from ingestion.verify.slices import WHOLE, Checksum, Key, Slice

_NEXT_TRANSACTION = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_OLDEST_TRANSACTION = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

_LINE_BYTES: Final = 2 << 20


class Spooled(NamedTuple):
    """A table's rows in a CSV file: values as the stream writes them, quoted; NULL is not quoted; a last column '1'."""

    path: Path
    relation: Relation
    longest_row_bytes: int


@dataclass(slots=True)
class Held:
    """What a snapshot cost the source: how long it held the horizon, and how many transactions began meanwhile."""

    lsn: Lsn
    seconds: float = 0.0
    transactions: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The source at `lsn`, as far as `publication` lets it out.

    `utf8`: whether its texts have the bytes that they have in a warehouse. No query under it lasts longer than until it
    is `most_seconds` old: then psycopg.errors.QueryCanceled is raised.
    """

    lsn: Lsn
    connection: psycopg.Connection[Any]
    own_text_cast: frozenset[int]
    publication: str
    utf8: bool
    most_seconds: float
    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)

    @property
    def age_seconds(self) -> float:
        """For how long it has held the horizon back."""
        return time.monotonic() - self.began

    def relations(self, oids: list[int]) -> dict[int, Relation]:
        """Describe tables as they were; those that are gone are left out."""
        return describe_published(self.connection, self.publication, oids)

    def checksums(self, relation: Relation, layout: Layout, part: Slice, of: int) -> dict[int, Checksum]:
        """Count and sum the rows of a part by bucket; a bucket without rows may be missing."""
        # Without OFFSET the server would take a row's number once for each place that mentions it.
        numbered = f"select {_number(relation, layout)} as h from ({{}}) as q ({_places(relation)}) offset 0"
        grouped = f"select (h % {of:d})::int, count(*), sum(h) from ({numbered}) as r group by 1"
        if of == 1:
            grouped = f"select 0, count(*), coalesce(sum(h), 0) from ({numbered.removesuffix(' offset 0')}) as r"
        # Raw: concat() writes a value as its type does, and a text for each on the way costs 0.3 us a row.
        raw = [relation.columns[i].name for kind, i in zip(layout.forms, layout.places, strict=True) if kind.raw]
        query = sql.SQL(grouped).format(self._rows(relation, part, raw))
        self._limit()
        return {bucket: Checksum(rows, int(total)) for bucket, rows, total in self.connection.execute(query)}

    def spool(self, relation: Relation, path: Path, part: Slice = WHOLE, layout: Layout | None = None) -> Spooled:
        """Write the rows of a part to a new file, in a directory that is closed to others."""
        where = "true"
        if part.of > 1 and layout is not None:
            where = f"{_number(relation, layout)} % {part.of:d} in ({', '.join(map(str, part.buckets))})"
        # The last column keeps a row of one NULL from being an empty line.
        columns = f"({_places(relation)})" if relation.columns else ""
        copied = f"copy (select q.*, 1 from ({{}}) as q {columns} where {where}) to stdout (format csv, force_quote *)"
        query = sql.SQL(copied).format(self._rows(relation, part))
        longest = 0
        self._limit()
        with path.open("xb") as file, self.connection.cursor().copy(query) as copy:
            for row in copy:  # one message a row
                longest = max(longest, len(row))
                file.write(row)
        return Spooled(path, relation, longest)

    def count(self, relation: Relation) -> int:
        """Count a table's rows."""
        query = sql.SQL("select count(*) from ({}) as q").format(self._rows(relation, WHOLE))
        self._limit()
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def cancel(self) -> None:
        """End the query that another thread runs here, if it can be told so."""
        with suppress(psycopg.Error):
            self.connection.cancel_safe(timeout=5)

    def _limit(self) -> None:
        """Let the next query end when the snapshot is as old as it may ever be."""
        left = max(self.most_seconds - self.age_seconds, 0.001)
        self.connection.execute(f"set local statement_timeout = {left * 1000:.0f}")

    def _rows(self, relation: Relation, part: Slice, raw: Collection[str] = ()) -> sql.Composed:
        keys, partitioned = key_range(relation, _texts(part.low), _texts(part.high)), self._partitioned(relation)
        return copy_query(relation, self.own_text_cast, partitioned=partitioned, keys=keys, raw=raw)

    def _partitioned(self, relation: Relation) -> bool:
        row = self.connection.execute("select relkind = 'p' from pg_class where oid = %s", (relation.oid,)).fetchone()
        return bool(row and row[0])


def read_spooled(spooled: Spooled) -> str:
    """Build the DuckDB SQL that reads spooled rows as text: s<i>, `_end`. One thread: quoted values hold line ends."""
    names = [f"s{place}" for place in range(len(spooled.relation.columns))] + ["_end"]
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in names)
    line = max(2 * spooled.longest_row_bytes, _LINE_BYTES)
    path = str(spooled.path).replace("'", "''")
    return (
        f"read_csv('{path}', columns = {{{columns}}}, auto_detect = false, header = false, delim = ',', quote = '\"', "
        "escape = '\"', nullstr = '', allow_quoted_nulls = false, new_line = '\\n', parallel = false, "
        f"max_line_size = {line}, buffer_size = {max(2 * line, 32 << 20)})"
    )


@contextmanager
def snapshot(source: Source, held: list[Held] | None = None, most_seconds: float = 86_400.0) -> Iterator[Snapshot]:
    """Take a snapshot of the source. `held` is told what it cost.

    Waits for the write transactions that are running, for `most_seconds`: then VerifyError names them.
    """
    with Walsender(source) as walsender:
        created = _exported(walsender, most_seconds)
        connection = connect(source)
        try:
            connection.execute("begin isolation level repeatable read read only")
            name = sql.Literal(str(created["snapshot_name"]))
            connection.execute(sql.SQL("set transaction snapshot {}").format(name))
        except BaseException:
            connection.close()
            raise
    with connection:  # the slot is gone, the snapshot stays with whom it was given to
        lsn = same_place(parse_lsn(str(created["consistent_point"])))
        oldest = _number_of(connection, _OLDEST_TRANSACTION)
        utf8 = connection.info.parameter_status("server_encoding") == "UTF8"
        taken = Snapshot(lsn, connection, types_with_own_text_cast(connection), source.publication, utf8, most_seconds)
        yield taken
        if held is not None:
            connection.execute("rollback")
            held.append(Held(lsn, taken.age_seconds, _number_of(connection, _NEXT_TRANSACTION) - oldest))


def _exported(walsender: Walsender, most_seconds: float) -> dict[str, str | None]:
    """Make a temporary slot that exports a snapshot. Who owns the warehouse waits meanwhile, and all behind it."""
    began, pid = time.monotonic(), walsender.pid
    try:
        with limited(walsender, most_seconds):
            return make_slot(walsender, f'"flux_verify_{time.time_ns()}" TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT')
    except SourceError as error:
        if time.monotonic() - began < most_seconds:
            raise
        with connect(walsender.source) as connection, limited(connection):
            # It waits for a lock, and would not notice that nobody listens.
            connection.execute("select pg_terminate_backend(%s)", (pid,))
            waited = (
                "for its primary to log its running transactions"
                if in_recovery(connection)
                else "for "
                + ("; ".join(writing(connection, most_seconds / 2)) or "write transactions that have ended by now")
            )
        raise VerifyError(
            f"a snapshot of the source waited {most_seconds:.0f} s {waited}; run 'flux verify' again when nothing is "
            "open there for so long"
        ) from error


def same_place(lsn: Lsn) -> Lsn:
    """Right behind a page's header is the page's begin, where an idle walsender stands (headers: 24 or 40 bytes)."""
    return Lsn(lsn - lsn % 8192) if lsn % 8192 in (24, 40) else lsn


def _number(relation: Relation, layout: Layout) -> str:
    """SQL for the number of a row, whose values are texts c<i>, or such that Postgres writes as these texts."""
    values = []
    for kind, place in zip(layout.forms, layout.places, strict=True):
        text = f"c{place}::text" if kind is Form.OTHER else f"c{place}"
        values.append((kind, postgres_bits(text, relation.columns[place].type) if kind is Form.FLOAT else text))
    return postgres_number(values)


def _places(relation: Relation) -> str:
    return ", ".join(f"c{i}" for i in range(len(relation.columns)))


def _texts(key: Key | None) -> tuple[str, ...] | None:
    return None if key is None else tuple(map(str, key))


def _number_of(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0
