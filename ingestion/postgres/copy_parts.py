"""Copy a table in parts: ranges of its key, each read in a short transaction of its own and kept over a crash.

The parts are of different moments, and yet the copy is exact. All of them show whatever committed before its base, the
LSN of an exported snapshot taken before the first part; the copy's LSN lies behind the last part. The loader takes the
rows of all parts and puts in their place, for each key that the stream touched from the base to the copy's LSN, what
the stream says last. That is right whatever part saw which change: a change makes a row's new state known as a whole,
and a row that no change touched is the same in every snapshot. So nothing has to be compared with the ranges, whose
order (collations) only the source knows, and rows may move from range to range.

What the stream does not tell must not happen between base and LSN: TRUNCATE, rewrites, changes of shape and partitions
that come or go. Each part holds the table's lock in ACCESS SHARE mode while it compares the table with its base, and
the LSN is read under that of the last part; whatever differs, the copy begins anew. A table without a key, and one that
changes again and again, is copied under one snapshot, from its begin after each crash (`ingestion.postgres.copy`).
What remains is an update that moves a row to another key and leaves a long value unsent (unchanged TOAST) while the
table is copied: the loader then asks for a copy under one snapshot.
"""

import logging
import time
from typing import Any, Final

import psycopg
from psycopg import sql

from ingestion.log.directory import why_wanted
from ingestion.postgres.catalog import types_with_own_text_cast
from ingestion.postgres.copy_rows import CopyWork, Written, write_rows
from ingestion.postgres.incarnation import read_files
from ingestion.postgres.partial_copy import PartialCopy
from ingestion.postgres.pgoutput.lsn import Lsn
from ingestion.postgres.pgoutput.records import CopyBase, CopyPart
from ingestion.postgres.published import describe_published
from ingestion.postgres.select_list import copy_query, high_key_query, key_range, table_name
from ingestion.postgres.slot import inserted_lsn, push_wal
from ingestion.postgres.snapshot import SNAPSHOT_SECONDS, Snapshots
from ingestion.postgres.source import connect
from ingestion.postgres.tables import TableRef

logger = logging.getLogger(__name__)

_FIRST_ROWS: Final = 10_000
_MOST_GROWTH: Final = 4.0
_CHANGES: Final = 3
_SETTLE_SECONDS: Final = 0.05


class TableChangedError(Exception):
    """The table is no longer what it was when its copy began, or changes too often to be copied in parts."""


def copy_in_parts(work: CopyWork, table: TableRef, snapshots: Snapshots) -> Lsn | None:
    """Copy a table with a key, going on where a former process was stopped. Returns the copy's LSN; None if stopped.

    Raises TableChangedError when the table was changed several times meanwhile, or is gone.
    """
    directory = work.partial(table.oid)
    with connect(work.source) as connection:
        own_text_cast = types_with_own_text_cast(connection)
        partial = PartialCopy.resume(directory)
        for _ in range(_CHANGES):
            if partial is None:
                partial = _begin(work, table, snapshots)
            else:
                logger.info("copy goes on table=%s bytes=%s", table.source, partial.size)
            with partial:
                try:
                    return _parts(work, table, connection, partial, own_text_cast)
                except (TableChangedError, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
                    logger.info("table changed while it was copied, its copy begins anew table=%s", table.source)
            partial = None
    raise TableChangedError(table.source)


def _begin(work: CopyWork, table: TableRef, snapshots: Snapshots) -> PartialCopy:
    joined = snapshots.join()
    with joined.connection as connection:
        relation = describe_published(connection, work.source.publication, [table.oid]).get(table.oid)
        files = read_files(connection, [table.oid])[table.oid]
        visible = connection.execute("select pg_current_snapshot()::text").fetchone()
    snapshots.close()  # nobody needs it any more, and it holds back dead rows and WAL
    if relation is None or not relation.key or visible is None:
        raise TableChangedError(table.source)
    base = CopyBase(joined.snapshot.lsn, visible[0], files)
    reason = why_wanted(work.directory, table.oid)
    return PartialCopy.begin(work.partial(table.oid), relation, base, joined.snapshot.since, reason)


def _parts(
    work: CopyWork,
    table: TableRef,
    connection: psycopg.Connection[Any],
    partial: PartialCopy,
    own_text_cast: frozenset[int],
) -> Lsn | None:
    began, rows = time.monotonic(), _FIRST_ROWS
    while not work.stopped():
        last = partial.parts[-1] if partial.parts else None
        if last is not None:
            rows = _next_rows(last, work)
        low = last.high if last is not None else None
        connection.execute("begin isolation level repeatable read read only")
        try:
            name = table_name(partial.relation, partitioned=table.partitioned)
            connection.execute(sql.SQL("lock table {} in access share mode").format(name))
            if not _includes(connection, partial.base.visible):
                time.sleep(_SETTLE_SECONDS)
                continue
            _require_same(connection, work.source.publication, partial)
            query = high_key_query(partial.relation, low, rows, partitioned=table.partitioned)
            high = connection.execute(query).fetchone()
            keys = key_range(partial.relation, low, high)
            written = write_rows(
                connection,
                copy_query(partial.relation, own_text_cast, partitioned=table.partitioned, keys=keys),
                partial.writer,
                work.throttle,
                lambda size, before=partial.size: work.progress(table.source, before + size, False),  # type: ignore[misc]
                mark=partial.number,
            )
            lsn = inserted_lsn(connection)
        finally:
            if not connection.broken:
                connection.execute("rollback")
        partial.add(_part(high, written))
        work.progress(table.source, partial.size, high is None)
        if high is None:
            partial.finish(work.epoch, lsn)
            push_wal(connection, lsn)
            logger.info(
                "table copied table=%s bytes=%s parts=%s seconds=%.2f",
                table.source,
                partial.size,
                len(partial.parts),
                time.monotonic() - began,
            )
            return lsn
    return None


def _includes(connection: psycopg.Connection[Any], visible: str) -> bool:
    """Whether this transaction sees all that was visible then.

    A transaction is in the WAL a moment before sessions see it (with synchronous standbys: until they have it, too).
    """
    row = connection.execute(
        "select not exists (select from pg_snapshot_xip(pg_current_snapshot()) as x "
        "where pg_visible_in_snapshot(x, %s::pg_snapshot)) "
        "and pg_snapshot_xmax(pg_current_snapshot()) >= pg_snapshot_xmax(%s::pg_snapshot)",
        (visible, visible),
    ).fetchone()
    return row is not None and bool(row[0])


def _require_same(connection: psycopg.Connection[Any], publication: str, partial: PartialCopy) -> None:
    oid = partial.relation.oid
    if (
        describe_published(connection, publication, [oid]).get(oid) != partial.relation
        or read_files(connection, [oid])[oid] != partial.base.files
    ):
        raise TableChangedError(partial.relation.source)


def _next_rows(last: CopyPart, work: CopyWork) -> int:
    """As many rows as make a part of the wanted size, within the age that a snapshot may have."""
    limit = work.throttle.bytes_per_second
    size = work.part_bytes if limit is None else min(work.part_bytes, limit * SNAPSHOT_SECONDS)
    growth = min(size / max(last.size, 1), SNAPSHOT_SECONDS / max(last.seconds, 0.001), _MOST_GROWTH)
    return max(int(last.rows * growth), 1)


def _part(high: tuple[Any, ...] | None, written: Written) -> CopyPart:
    return CopyPart(high, written.rows, written.size, written.seconds, time.time_ns() // 1000)
