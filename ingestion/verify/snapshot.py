"""The source as it was at one position, read while the world goes on.

A temporary slot's exported snapshot gives the LSN: a row is visible in it if and only if its transaction committed
before. The snapshot holds the source's xmin horizon back for as long as it is open.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from ingestion.postgres.catalog import describe, types_with_own_text_cast
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.lsn import Lsn, parse_lsn
from ingestion.postgres.select_list import copy_query
from ingestion.postgres.slot import make_slot
from ingestion.postgres.source import Source, connect
from ingestion.postgres.walsender import Walsender


class Spooled(NamedTuple):
    """A table's rows in a CSV file: values as the stream writes them, quoted; NULL is not quoted; a last column '1'."""

    path: Path
    relation: Relation
    longest_row_bytes: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The source at `lsn`."""

    lsn: Lsn
    connection: psycopg.Connection[Any]
    own_text_cast: frozenset[int]

    def relations(self, oids: list[int]) -> dict[int, Relation]:
        """Describe tables as they were; those that are gone are left out."""
        return describe(self.connection, oids)

    def spool(self, relation: Relation, path: Path) -> Spooled:
        """Write all rows of a table to a new file, in a directory that is closed to others."""
        # The last column keeps a row of one NULL from being an empty line.
        query = sql.SQL("copy (select q.*, 1 from ({}) as q) to stdout (format csv, force_quote *)").format(
            copy_query(relation, self.own_text_cast, partitioned=self._partitioned(relation))
        )
        longest = 0
        with path.open("xb") as file, self.connection.cursor().copy(query) as copy:
            for row in copy:  # one message a row
                longest = max(longest, len(row))
                file.write(row)
        return Spooled(path, relation, longest)

    def count(self, relation: Relation) -> int:
        """Count a table's rows."""
        only = sql.SQL("" if self._partitioned(relation) else "only ")
        name = sql.Identifier(relation.schema, relation.name)
        row = self.connection.execute(sql.SQL("select count(*) from {}{}").format(only, name)).fetchone()
        return int(row[0]) if row else 0

    def _partitioned(self, relation: Relation) -> bool:
        row = self.connection.execute("select relkind = 'p' from pg_class where oid = %s", (relation.oid,)).fetchone()
        return bool(row and row[0])


@contextmanager
def snapshot(source: Source) -> Iterator[Snapshot]:
    """Take a snapshot of the source. Waits for the write transactions that are running."""
    with Walsender(source) as walsender:
        created = make_slot(walsender, f'"flux_verify_{time.time_ns()}" TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT')
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
        yield Snapshot(lsn, connection, types_with_own_text_cast(connection))


def same_place(lsn: Lsn) -> Lsn:
    """Right behind a page's header is the page's begin, where an idle walsender stands (headers: 24 or 40 bytes)."""
    return Lsn(lsn - lsn % 8192) if lsn % 8192 in (24, 40) else lsn
