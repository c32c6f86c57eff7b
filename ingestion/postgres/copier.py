"""Copies beside the stream."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from ingestion.log.directory import grant, wanted
from ingestion.postgres.copy import copied_tables, copy_tables
from ingestion.postgres.copy_rows import CopyWork
from ingestion.postgres.pgoutput.lsn import Lsn
from ingestion.postgres.plan import TableRef


class Copier:
    """Copies beside the stream, one round at a time."""

    def __init__(self, work: CopyWork, pool: ThreadPoolExecutor, workers: int) -> None:
        self._work, self._pool, self._workers = work, pool, workers
        self._round: Future[Lsn] | None = None

    @property
    def busy(self) -> bool:
        """Whether a round is under way or its result was not yet taken."""
        return self._round is not None

    def start(self, tables: Sequence[TableRef]) -> None:
        """Begin a round with the tables of which the log has no copy, or a new one is wanted."""
        for oid in wanted(self._work.directory) - {table.oid for table in tables}:
            grant(self._work.directory, oid)  # the table is gone, and nobody can send it
        have = copied_tables(self._work.directory, self._work.epoch)
        missing = [table for table in tables if table.oid not in have]
        if missing and self._round is None:
            self._round = self._pool.submit(copy_tables, self._work, missing, workers=self._workers)

    def finished(self) -> Lsn | None:
        """The LSN of a round that has just finished. Raises what went wrong in it."""
        if self._round is None or not self._round.done():
            return None
        ended, self._round = self._round, None
        return ended.result()
