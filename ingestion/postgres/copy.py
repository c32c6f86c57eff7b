"""The copy: tables as they stood at one LSN, verbatim into the log, while the stream goes on.

First sync, a new table and a re-sync are the same operation: a temporary slot with an exported snapshot gives the LSN
(it waits for transactions that straddle the publication's change, which would else be streamed in part), workers take
over its snapshot, and each table becomes a log of its own that appears under its name only when it is whole.
Stream changes of a table that committed before that LSN are in the copy already.

All values but texts are sent in their text form, so that copy and stream carry the same bytes for the same value.
"""

import logging
import queue
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from ingestion.errors import SourceChangedError, SourceError
from ingestion.failpoints import reach
from ingestion.log import LogWriter
from ingestion.log.directory import grant, sync_directory, wanted
from ingestion.postgres.catalog import describe, types_with_own_text_cast
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.lsn import Lsn, parse_lsn
from ingestion.postgres.pgoutput.records import COPY, RELATION, CopyName
from ingestion.postgres.select_list import copy_query
from ingestion.postgres.source import Source, connect
from ingestion.postgres.tables import TableRef
from ingestion.postgres.walsender import Walsender

logger = logging.getLogger(__name__)

# progress(table, bytes copied so far, whether it is done)
Progress = Callable[[str, int, bool], None]
BLOCK_BYTES: Final = 4 << 20
# The files that hold a table's rows: those of its leaves, for a partitioned table.
_FILES: Final = """
select oid, relfilenode from pg_class
where relkind = 'r' and oid in (select relid from pg_partition_tree(%s) union select %s) order by 1
"""


def copied_tables(directory: Path, epoch: int) -> set[int]:
    """OIDs of the tables that the log holds whole copies of, in this epoch, and of which nobody wants a new one."""
    names = [CopyName.parse(entry.name) for entry in directory.iterdir()] if directory.is_dir() else []
    return {name.oid for name in names if name is not None and name.epoch == epoch} - wanted(directory)


def copy_tables(
    source: Source, directory: Path, epoch: int, tables: Sequence[TableRef], *, workers: int = 2, progress: Progress
) -> Lsn:
    """Copy tables at one LSN, which is returned. Leaves nothing of a table that was not copied whole."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in directory.glob("*.partial"):
        shutil.rmtree(left)
    with Walsender(source) as slot:
        created = slot.command(
            f'CREATE_REPLICATION_SLOT "flux_copy_{time.time_ns()}" TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT'
        )[0]
        lsn, snapshot = parse_lsn(str(created["consistent_point"])), str(created["snapshot_name"])
        todo: queue.SimpleQueue[TableRef] = queue.SimpleQueue()
        # Large tables first, so that no worker is left alone with the largest.
        for table in sorted(tables, key=lambda table: -table.bytes):
            todo.put(table)
        failures: list[BaseException] = []
        connections = [_snapshot_connection(source, snapshot) for _ in range(max(1, min(workers, len(tables))))]
    threads = [
        threading.Thread(
            target=_work,
            args=(source, connection, todo, failures, directory, epoch, lsn, progress),
            name=f"copy-{number}",
        )
        for number, connection in enumerate(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return lsn


def _snapshot_connection(source: Source, snapshot: str) -> psycopg.Connection[Any]:
    connection = connect(source)
    connection.execute("begin isolation level repeatable read read only")
    connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
    return connection


def _work(
    source: Source,
    connection: psycopg.Connection[Any],
    todo: "queue.SimpleQueue[TableRef]",
    failures: list[BaseException],
    directory: Path,
    epoch: int,
    lsn: Lsn,
    progress: Progress,
) -> None:
    try:
        with connection, connect(source) as today:
            own_text_cast = types_with_own_text_cast(connection)
            while not failures:
                try:
                    table = todo.get_nowait()
                except queue.Empty:
                    return
                target = directory / str(CopyName(epoch, lsn, table.oid))
                _copy_table(connection, today, table, own_text_cast, target, progress)
    except BaseException as error:
        failures.append(error)
        if not isinstance(error, Exception):
            raise


def _copy_table(
    connection: psycopg.Connection[Any],
    today: psycopg.Connection[Any],
    table: TableRef,
    own_text_cast: frozenset[int],
    target: Path,
    progress: Progress,
) -> None:
    relation = describe(connection, [table.oid]).get(table.oid)
    if relation is None:
        raise SourceError(f"table {table.schema}.{table.name} was dropped while it was copied; run the command again")
    _require_unchanged(connection, today, relation, table)
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    started, size = time.monotonic(), 0
    select = copy_query(relation, own_text_cast, partitioned=table.partitioned)
    query = sql.SQL("copy ({}) to stdout (format binary)").format(select)
    with LogWriter.open(partial) as writer, connection.cursor() as cursor:
        writer.append(RELATION, [relation.to_bytes()], time.time_ns() // 1000)
        reach("copy.begun")
        with cursor.copy(query) as copy:
            records: list[memoryview] = []
            pending = 0
            while row := copy.read():
                records.append(memoryview(row))
                pending += len(row)
                if pending >= BLOCK_BYTES:
                    writer.append(COPY, records)
                    writer.commit()
                    size, records, pending = size + pending, [], 0
                    reach("copy.in_table")
                    progress(relation.source, size, False)
            writer.append(COPY, records)
            size += pending
    reach("copy.before_rename")
    partial.rename(target)
    sync_directory(target.parent)
    reach("copy.after_rename")
    grant(target.parent, table.oid)
    progress(relation.source, size, True)
    logger.info("table copied table=%s bytes=%s seconds=%.2f", relation.source, size, time.monotonic() - started)


def _require_unchanged(
    connection: psycopg.Connection[Any], today: psycopg.Connection[Any], relation: Relation, table: TableRef
) -> None:
    """Lock a table against changes of its shape, and see that it is what the snapshot shows.

    The snapshot does not hold for DDL: COPY would read the columns of now, and a table that was rewritten since looks
    empty to it (manual 13.6, "Caveats"). `today` sees the present. Raises SourceChangedError.
    """
    name = sql.Identifier(relation.schema, relation.name)
    only = sql.SQL("" if table.partitioned else "only ")
    try:
        connection.execute(sql.SQL("lock table {}{} in access share mode").format(only, name))
    except psycopg.errors.UndefinedTable as error:
        raise SourceChangedError(f"table {relation.source} was renamed or dropped while it was copied") from error
    files = [session.execute(_FILES, (relation.oid, relation.oid)).fetchall() for session in (connection, today)]
    if files[0] != files[1] or describe(today, [relation.oid]) != {relation.oid: relation}:
        raise SourceChangedError(f"table {relation.source} changed while it was copied")
