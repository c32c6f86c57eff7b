"""The copy: tables as they stood at one LSN, verbatim into the log, while the stream goes on.

First sync, a new table and a re-sync are the same operation. Small tables are read whole under an exported snapshot
that several share; large ones in parts (`ingestion.postgres.copy_parts`). Each table becomes a log of its own that
appears under its name, with the LSN that it stands for, only when it is whole. Stream changes of a table that committed
before that LSN are in the copy already.

All values but texts are sent in their text form, so that copy and stream carry the same bytes for the same value.
"""

import logging
import queue
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from ingestion.log.directory import make_private, number_wishes, wanted, wanted_whole, why_wanted
from ingestion.postgres.catalog import types_with_own_text_cast
from ingestion.postgres.copy_parts import TableChangedError, copy_in_parts
from ingestion.postgres.copy_rows import CopyWork, Progress, write_rows
from ingestion.postgres.incarnation import read_files
from ingestion.postgres.partial_copy import finish_copy, open_partial, wishes_before
from ingestion.postgres.pgoutput.lsn import Lsn
from ingestion.postgres.pgoutput.records import RELATION, CopyName
from ingestion.postgres.published import describe_published
from ingestion.postgres.select_list import copy_query, table_name
from ingestion.postgres.snapshot import Joined, Snapshots
from ingestion.postgres.source import connect
from ingestion.postgres.tables import TableRef

__all__ = ["Progress", "copied_tables", "copy_tables"]

logger = logging.getLogger(__name__)

_CHANGES: Final = 3
_CANCELS: Final = 10


def copied_tables(directory: Path, epoch: int) -> set[int]:
    """OIDs of the tables that the log holds whole copies of, in this epoch, and of which nobody wants a new one."""
    return set(copy_lsns(directory, epoch)) - wanted(directory)


def copy_lsns(directory: Path, epoch: int) -> dict[int, int]:
    """LSN of the newest whole copy by table, in this epoch."""
    names = [CopyName.parse(entry.name) for entry in directory.iterdir()] if directory.is_dir() else []
    found = sorted((name.lsn, name.oid) for name in names if name is not None and name.epoch == epoch)
    return {oid: lsn for lsn, oid in found}


def copy_tables(work: CopyWork, tables: Sequence[TableRef], *, workers: int = 2) -> Lsn:
    """Copy tables; return the highest of their LSNs, 0 when there is none.

    A table that is gone meanwhile is left out. After a crash the tables in parts go on where they were.
    """
    make_private(work.directory)
    number_wishes(work.directory)
    _tidy(work, {table.oid for table in tables})
    todo: queue.SimpleQueue[TableRef] = queue.SimpleQueue()
    # Small tables first: they share snapshots. Of the large ones the largest, so that no worker is left alone with it.
    in_parts = {table.oid for table in tables if _in_parts(work, table)}
    for table in sorted(tables, key=lambda table: (table.oid in in_parts, -table.bytes)):
        todo.put(table)
    failures: list[BaseException] = []
    lsns: list[Lsn] = []
    snapshots = Snapshots(work.source, work.directory)
    threads = [
        threading.Thread(
            target=_Worker(work, snapshots, todo, in_parts, failures, lsns).run, name=f"copy-{number}", daemon=True
        )
        for number in range(max(1, min(workers, len(tables))))
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        snapshots.close()
    if failures:
        raise failures[0]
    return max(lsns, default=Lsn(0))


def _in_parts(work: CopyWork, table: TableRef) -> bool:
    return table.bytes > work.part_bytes and table.keyed and table.oid not in wanted_whole(work.directory)


def _tidy(work: CopyWork, oids: set[int]) -> None:
    """Remove what former processes left, but for copies in parts that still serve."""
    for left in work.directory.glob("*.partial"):
        epoch, _, oid = left.stem.partition("-")
        serves = epoch == f"{work.epoch:06d}" and oid.isdigit() and int(oid) in oids
        # Whoever asked for a new copy after this one was begun, asked for another.
        asked = work.directory / "wanted" / oid
        if not serves or (asked.exists() and asked.stat().st_mtime > wishes_before(left)):
            shutil.rmtree(left)


def _cancelled(error: psycopg.OperationalError) -> bool:
    """Whether the copy may be tried again at once.

    A standby waits max_standby_streaming_delay (30 s) for a copy that keeps it from replaying, then it ends the query,
    or the connection where that is in the middle of a row.
    """
    return error.sqlstate is None or isinstance(error, psycopg.errors.SerializationFailure)


class _StoppedError(Exception):
    """The capture ends: what was begun is left."""


class _Worker:
    """One thread of a round: takes table after table until none is left, or something failed."""

    def __init__(
        self,
        work: CopyWork,
        snapshots: Snapshots,
        todo: "queue.SimpleQueue[TableRef]",
        in_parts: set[int],
        failures: list[BaseException],
        lsns: list[Lsn],
    ) -> None:
        self._work, self._snapshots, self._todo, self._in_parts = work, snapshots, todo, in_parts
        self._failures, self._lsns = failures, lsns
        self._joined: Joined | None = None
        self._own_text_cast: frozenset[int] = frozenset()

    def run(self) -> None:
        """Work. What goes wrong is left in `failures`."""
        try:
            with connect(self._work.source) as present:
                self._own_text_cast = types_with_own_text_cast(present)
                while not self._failures and not self._work.stopped():
                    try:
                        table = self._todo.get_nowait()
                    except queue.Empty:
                        return
                    if (lsn := self._copy(table, present)) is not None:
                        self._lsns.append(lsn)
        except _StoppedError:
            return
        except BaseException as error:
            self._failures.append(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._leave()

    def _copy(self, table: TableRef, present: psycopg.Connection[Any]) -> Lsn | None:
        if table.oid in self._in_parts:
            self._leave()
            for left in reversed(range(_CANCELS)):
                try:
                    return copy_in_parts(self._work, table, self._snapshots)
                except TableChangedError:
                    logger.info("table is copied under one snapshot table=%s", table.source)
                    break
                except psycopg.OperationalError as error:
                    if not left or not _cancelled(error):
                        raise
                    logger.info("copy goes on table=%s reason=%s", table.source, error)
        newer_than = 0
        for _ in range(_CHANGES):
            joined = self._join(newer_than)
            try:
                return self._copy_whole(table, joined, present)
            except (TableChangedError, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
                newer_than = joined.snapshot.lsn
                self._leave()
            except psycopg.OperationalError as error:
                if not _cancelled(error):
                    raise
                logger.info("copy begins anew table=%s reason=%s", table.source, error)
                newer_than = joined.snapshot.lsn
                self._leave()
        logger.warning("table is gone, or changes all the time; its copy is put off table=%s", table.source)
        return None

    def _join(self, newer_than: int) -> Joined:
        if self._joined is not None and (self._joined.snapshot.old or self._joined.snapshot.lsn <= newer_than):
            self._leave()
        if self._joined is None:
            self._joined = self._snapshots.join(newer_than)
        return self._joined

    def _leave(self) -> None:
        if self._joined is not None:
            self._joined.connection.close()
            self._joined = None

    def _copy_whole(self, table: TableRef, joined: Joined, present: psycopg.Connection[Any]) -> Lsn:
        """Copy a table as the snapshot shows it, which is only true while it is still what it was then.

        A rewritten or truncated table looks empty to older snapshots (manual 13.6, "Caveats").
        """
        connection, oid = joined.connection, table.oid
        publication = self._work.source.publication
        relation = describe_published(connection, publication, [oid]).get(oid)
        if relation is None or not relation.columns:
            raise TableChangedError(table.source)
        connection.execute("savepoint one_table")
        try:
            name = table_name(relation, partitioned=table.partitioned)
            connection.execute(sql.SQL("lock table {} in access share mode").format(name))
            now = describe_published(present, publication, [oid]).get(oid)
            files = read_files(present, [oid])
            if now != relation or files != read_files(connection, [oid]):
                raise TableChangedError(table.source)
            self._write(
                table,
                relation.to_bytes(),
                joined,
                copy_query(relation, self._own_text_cast, partitioned=table.partitioned),
            )
        finally:
            if not connection.broken:
                connection.execute("rollback to savepoint one_table")  # lets the lock go
        return joined.snapshot.lsn

    def _write(self, table: TableRef, relation: bytes, joined: Joined, query: sql.Composable) -> None:
        work, partial = self._work, self._work.partial(table.oid)

        def tell(size: int) -> None:
            if work.stopped():
                raise _StoppedError
            work.progress(table.source, size, False)

        reason = why_wanted(work.directory, table.oid)
        with open_partial(partial, joined.snapshot.since, reason) as writer:
            writer.append(RELATION, [relation], time.time_ns() // 1000)
            written = write_rows(joined.connection, query, writer, work.throttle, tell)
        finish_copy(partial, CopyName(work.epoch, joined.snapshot.lsn, table.oid))
        work.progress(table.source, written.size, True)
        logger.info("table copied table=%s bytes=%s seconds=%.2f", table.source, written.size, written.seconds)
