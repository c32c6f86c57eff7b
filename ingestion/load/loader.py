"""The loader: one consumer of the log, one writer of the warehouse, one transaction a batch.

Rows, history, clock and position commit together. Copies come in at their LSN: the stream is loaded up to it, the copy
becomes the table, and the stream goes on. A copy that finished late is brought up to the position by reading its
table's changes once more from the log.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from ingestion.errors import LoadError
from ingestion.failpoints import reach
from ingestion.load.arriving import TransactionCutError
from ingestion.load.batch import BATCH_BYTES, Batch, read_batch
from ingestion.load.changes import BatchLoad, TableFailureError
from ingestion.load.copies import Copied, pending_copies
from ingestion.load.fold import UnusableCopyError
from ingestion.load.log_begin import log_begin
from ingestion.load.places import Places
from ingestion.load.positions import POSTGRES, Position, move_position, read_position
from ingestion.load.reselection import apply_selection
from ingestion.load.tables import Landing, check_history, note_copy
from ingestion.load.tail import Tail
from ingestion.log import LogPosition, LogReader
from ingestion.log.directory import pass_by, want, wanted
from ingestion.postgres.pgoutput.lsn import format_lsn
from ingestion.postgres.pgoutput.records import SESSION, CopyName, Session
from ingestion.selection.rules import Selection
from ingestion.selection.views import Treater, View, source_oid
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import Table, TableState

logger = logging.getLogger(__name__)

_ASIDE: Final = "its changes could not be followed"
GONE: Final = "the log no longer holds what followed its copy"
# progress(table or "stream", rows loaded so far)
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a drain brought: rows of copies, row changes, transactions in batches, and seconds."""

    copied_tables: int
    copied_rows: int
    changes: int
    batches: int
    seconds: float


class ChangeLoader:
    """Loads what the Postgres door wrote. Works on an open warehouse, whose owner holds the lease."""

    def __init__(
        self,
        destination: Destination,
        log: Path,
        *,
        clock: str | None = None,
        protected_schemas: tuple[str, ...] = ("restricted",),
        selection: Selection | None = None,
        batch_bytes: int = BATCH_BYTES,
        history: bool = True,
    ) -> None:
        self._destination = destination
        self._batch_bytes = batch_bytes
        self._reader = LogReader(log / "postgres")
        self._tail = Tail(self._reader)
        self._copies = log / "copies"
        self._clock = clock
        self._landing = Landing(protected_schemas, destination.dialect, history, selection or Selection())
        self._treater = Treater(self._landing.selection.key)
        destination.machinery.ensure()
        self._position = read_position(destination.machinery)
        self._tables = destination.machinery.read_tables()
        self._failed: dict[int, str] = {}
        self._useless: set[CopyName] = set()
        self._left_at = -1  # the position behind which a transaction is awaited as a whole
        check_history(self._tables.values(), history)
        self._check_begin()
        apply_selection(destination.machinery, self._landing.selection, self._tables, self._position.lsn)
        self._ask_again()

    @property
    def destination(self) -> Destination:
        """The warehouse."""
        return self._destination

    @property
    def position(self) -> Position:
        """How far the warehouse is."""
        return self._position

    @property
    def tables(self) -> dict[int, Table]:
        """The replicated tables by the source's OID."""
        return self._tables

    def find_useless(self) -> frozenset[CopyName]:
        """Find the copies that it will not load: others were asked for, or nobody wants them."""
        self._pending()
        return frozenset(self._useless)

    def drain(self, *, until: int | None = None, progress: Progress | None = None) -> LoadReport:
        """Load all that the log holds when it is called, or all that committed before the LSN `until`.

        What is written meanwhile is loaded by the batch that meets it; who writes all the time does not keep it going.
        """
        started, end = time.monotonic(), self._reader.durable_end()
        tables = rows = changes = batches = 0
        report = progress or _silent
        while True:
            pending = self._pending()
            ready = [copied for copied in pending if copied.name.lsn <= self._position.lsn]
            for copied in ready:
                loaded = self._copy(copied)
                tables, rows = tables + 1, rows + loaded
                report(copied.relation.source, loaded)
            due = [copied.name.lsn for copied in pending if copied.name.lsn > self._position.lsn]
            limit = min([*due, *([until] if until is not None else [])], default=None)
            loaded_changes = self._batch(limit)
            if loaded_changes is None and not ready:
                break
            if loaded_changes is not None:
                changes, batches = changes + loaded_changes, batches + 1
                report("stream", changes)
            at = self._position.at
            if until is None and end is not None and at is not None and at >= end and not self._pending():
                break
        return LoadReport(tables, rows, changes, batches, time.monotonic() - started)

    def step(self, interrupted: Callable[[], bool] = lambda: False) -> bool:
        """Load one copy or one batch; False when there is nothing to load.

        A large transaction is loaded while it comes, unless a column gives the time; `interrupted` ends that.
        """
        pending = self._pending()
        if ready := [copied for copied in pending if copied.name.lsn <= self._position.lsn]:
            self._copy(ready[0])
            return True
        due = [copied.name.lsn for copied in pending]
        arriving = None if self._clock or self._left_at == self._position.lsn else interrupted
        try:
            moved = self._batch(min(due, default=None), arriving) is not None
        except TransactionCutError as error:
            logger.info("a transaction is awaited as a whole lsn=%s reason=%s", format_lsn(self._position.lsn), error)
            self._left_at, self._failed = self._position.lsn, {}
            return False
        if not moved:
            self._ask_again()
        return moved

    def _check_begin(self) -> None:
        """See to it that the log begins no later than the position; else all tables wait for new copies."""
        start, at = self._reader.start(), self._position.at
        if start is None or (at is not None and self._reader.holds(at) and self._reader.has_border(at)):
            return
        self._position = replace(self._position, at=None)
        headers = [(at, header) for at, header in self._reader.headers() if header.kind == SESSION]
        if not headers:
            return
        first, newest = (Session.from_bytes(self._reader.read(*found).payload) for found in (headers[0], headers[-1]))
        if newest.epoch < self._position.epoch:
            pass_by(self._copies, self._position.epoch)
            raise LoadError(
                f"the log in {str(self._reader.directory)!r} is older than the warehouse (its epoch {newest.epoch}, "
                f"the warehouse's {self._position.epoch}), or was begun while the clock was behind; put the newer log "
                "back, or run 'flux replicate': every table is copied anew"
            )
        begin = log_begin(self._reader) or (first.epoch, first.start_lsn)
        if begin[0] != self._position.epoch or begin[1] <= self._position.lsn:
            return
        logger.warning("log begins after the position, all tables are copied anew lsn=%s", format_lsn(begin[1]))
        coming = {copied.relation.source for copied in self._pending()}
        live = {oid: table for oid, table in self._tables.items() if table.state is not TableState.STOPPED}
        for oid, table in live.items():
            self._tables[oid] = self._destination.machinery.write_state(table, TableState.RESYNCING, self._position.lsn)
            if table.source not in coming:
                want(self._copies, source_oid(oid), "the log begins after the warehouse's position")

    def _ask_again(self) -> None:
        """Ask for the copies that tables wait for: a crash after the commit that said so swallows the wish."""
        waiting = [table for table in self._tables.values() if table.waits(self._position.epoch)]
        asked = wanted(self._copies)  # before the copies are looked at: one is whole before its wish is granted
        coming = {copied.relation.source for copied in self._pending()} if waiting else set()
        for table in waiting:
            oid, selected = source_oid(table.oid), self._landing.selection.digest(table.source) == table.selection
            if table.source not in coming and oid not in asked:
                want(self._copies, oid, _ASIDE if selected else "its selection changed")

    def _batch(self, until: int | None, arriving: Callable[[], bool] | None = None) -> int | None:
        """Load the next batch in one transaction; the number of its row changes, None when there is none."""
        before = self._position
        # Before the log is read: who asks later gets a copy of a later LSN than all that is in this batch.
        asked = wanted(self._copies)
        batch = self._read(before.at, before.epoch, before.lsn, until, arriving)
        if batch is None:
            return None
        started = time.monotonic()
        while True:
            load = self._batch_load(dict(self._tables), dict(self._failed), asked)
            try:
                with self._destination.transaction():
                    load.load(batch)
                    reach("load.after_stage")
                    for oid, reason in self._failed.items():
                        self._give_up(load.tables, oid, before.lsn, reason)
                    after = Position(batch.epoch, batch.lsn, batch.arriving.end if batch.arriving else batch.end)
                    move_position(self._destination.machinery, before, after)
                    reach("load.before_commit")
                reach("load.after_commit")
                break
            except TableFailureError as error:
                self._tell(error)
                self._failed |= error.reasons
        self._tables, self._position = load.tables, read_position(self._destination.machinery)
        if self._failed:
            # A copy that is on its way already (the capture saw what happened, too) heals the table as well.
            coming = {copied.name.oid for copied in self._pending() if copied.name.lsn >= self._position.lsn}
            for number, reason in self._failed.items():
                if source_oid(number) not in coming:
                    want(self._copies, source_oid(number), reason)
            self._failed.clear()
        if load.returned:
            # Mostly the capture has asked already.
            coming = {copied.name.oid for copied in self._pending()} | wanted(self._copies)
            for oid in load.returned - coming:
                want(self._copies, oid, "it did not replicate for a while")
        if load.rows:
            logger.info("batch loaded rows=%s lsn=%s seconds=%.2f", load.rows, batch.lsn, time.monotonic() - started)
        return load.rows

    def _tell(self, failure: TableFailureError) -> None:
        for oid, reason in failure.reasons.items():
            logger.error("table cannot be loaded and is to be copied anew table=%s reason=%s", self._name(oid), reason)

    def _read(
        self,
        at: LogPosition | None,
        epoch: int,
        lsn: int,
        until: int | None,
        arriving: Callable[[], bool] | None = None,
    ) -> Batch | None:
        limit = self._batch_bytes
        return read_batch(self._tail, at, epoch, lsn, until=until, limit_bytes=limit, arriving=arriving)

    def _copy(self, copied: Copied) -> int:
        """Load one copy in one transaction, and what its table changed since; the number of its rows.

        A copy that came late and whose table's later changes cannot be followed is of no use: a newer one is wanted.
        """
        places, source = self._places(), copied.relation.source
        try:
            views = self._landing.views(copied.relation)
            with self._destination.transaction():
                at = self._snapshot_at(copied)
                landed = [self._copy_view(copied, view, at, places).oid for view in views]
                places.erase_apart(source, landed, copied.name.lsn)
                resolution = f"copied again at {format_lsn(copied.name.lsn)}"
                self._destination.machinery.quarantine.resolve(POSTGRES, source, resolution)
                rows = self._destination.count(places.tables[landed[0]])
                reach("load.copy.before_commit")
        except UnusableCopyError as error:
            logger.warning("copy is of no use, a new one is asked for table=%s reason=%s", source, error)
            copied.discard()
            return 0
        except TableFailureError as error:
            self._tell(error)
            self._useless.add(copied.name)
            want(self._copies, copied.name.oid, next(iter(error.reasons.values())))
            return 0
        except LoadError as error:
            self._set_aside(copied, str(error))
            return 0
        reach("load.copy.after_commit")
        self._tables = places.tables
        logger.info("copy loaded table=%s rows=%s", source, rows)
        return rows

    def _copy_view(self, copied: Copied, view: View, at: datetime, places: Places) -> Table:
        """Load what of a copy belongs into one table, and what that changed since."""
        table, previous, held = places.take(view, copied.name)
        chunks = (self._treater.treat(view, view.of_rows(chunk)) for chunk in copied.chunks())
        table = self._destination.load_copy(table, chunks, at, held)
        note_copy(self._destination.machinery, previous, table, copied.reason)
        if previous is not None and previous.oid != table.oid:
            self._destination.machinery.forget_table(previous.oid)
            if previous.oid > 0:  # dropped, or still there under another name: then it needs a copy under that
                want(self._copies, source_oid(previous.oid), "another table took its name")
        places.tables[table.oid] = table
        if copied.name.lsn < self._position.lsn:
            self._catch_up(places.tables, table)
        return places.tables[table.oid]

    def _set_aside(self, copied: Copied, reason: str) -> None:
        """Mark a table inexact whose copy the warehouse will not take: the others go on, and a newer copy may heal it.

        It keeps the rows that it had; a new one is there without any.
        """
        name, machinery, source = copied.name, self._destination.machinery, copied.relation.source
        logger.error("copy cannot be loaded, the table is inexact table=%s reason=%s", source, reason)
        try:
            views = self._landing.views(copied.relation)
        except LoadError:
            self._useless.add(name)  # the plan refuses it, and the log will say so
            return
        places = self._places()
        with self._destination.transaction():
            for view in views:
                table, previous, held = places.take(view, name)
                if previous is not None:
                    machinery.forget_table(previous.oid)
                if held is None:
                    table = self._destination.load_copy(table, (), copied.at, None)
                else:
                    table = replace(held, oid=table.oid, epoch=name.epoch, snapshot_lsn=name.lsn)
                    machinery.write_table(table)
                places.tables[table.oid] = machinery.write_state(table, TableState.INEXACT, name.lsn)
            machinery.quarantine.note(POSTGRES, source, format_lsn(name.lsn), reason)
        self._tables = places.tables

    def _places(self) -> Places:
        return Places(self._destination, self._landing, self._tables, dict(self._tables))

    def _pending(self) -> list[Copied]:
        """Copies to load, oldest first; the clock's table before the others of its LSN."""
        source = (self._clock or "").rpartition(".")[0]
        found = pending_copies(self._copies, self._position.epoch, self._tables, self._useless)
        for copied in found:
            if self._landing.selection.why_out(copied.relation.source) is not None:
                self._useless.add(copied.name)
        if found:
            self._leave_spent(found)
        pending = [copied for copied in found if copied.name not in self._useless]
        return sorted(pending, key=lambda copied: (copied.name.lsn, copied.relation.source != source))

    def _leave_spent(self, found: Iterable[Copied]) -> None:
        """Ask for others in the place of copies that are of no use: the log no longer holds what followed them."""
        begin = log_begin(self._reader)
        for copied in found:
            if copied.name not in self._useless and not copied.usable(begin):
                logger.warning("copy cannot be used, a new one is asked for table=%s", copied.relation.source)
                self._useless.add(copied.name)
                if copied.name.oid not in wanted(self._copies):
                    want(self._copies, copied.name.oid, GONE)

    def _snapshot_at(self, copied: Copied) -> datetime:
        """The snapshot's time by Flux's clock, which it enters in `_flux.clock`."""
        source, _, column = (self._clock or "").rpartition(".")
        clock, epoch, lsn = self._destination.clock, copied.name.epoch, copied.name.lsn
        before, after = clock.around(epoch, lsn)
        known: datetime | None = None if source else copied.at
        if copied.relation.source == source:
            position = [c.name for c in copied.relation.columns].index(column)
            for chunk in copied.chunks():
                found = clock.newest(chunk.column(f"c{position}"))
                known = max(filter(None, (known, found)), default=None)
        # In order with what committed before and after, also when the copy comes late.
        bounded = min(filter(None, (known, after)), default=None)
        chosen: datetime | None = max(filter(None, (before, bounded)), default=None)
        if chosen is None:
            return copied.at  # the clock has not begun yet
        clock.enter(epoch, lsn, copied.at, chosen)
        return chosen

    def _catch_up(self, tables: dict[int, Table], table: Table) -> None:
        load = self._batch_load(tables, {})
        at, lsn = None, table.snapshot_lsn
        while batch := self._read(at, table.epoch, lsn, self._position.lsn):
            load.load(batch, only=table.oid)
            at, lsn = batch.end, batch.lsn
        tables.update(load.tables)

    def _batch_load(self, tables: dict[int, Table], skip: dict[int, str], asked: Collection[int] = ()) -> BatchLoad:
        return BatchLoad(self._destination, self._landing, self._treater, tables, self._clock, skip, asked)

    def _give_up(self, tables: dict[int, Table], oid: int, lsn: int, reason: str) -> None:
        """Let a table rest until a new copy of it comes; what it missed meanwhile stays in the log."""
        machinery = self._destination.machinery
        if tables[oid].state is TableState.STREAMING:  # by the end of this batch it may be gone
            tables[oid] = machinery.write_state(tables[oid], TableState.RESYNCING, lsn)
        machinery.quarantine.note(POSTGRES, tables[oid].source, format_lsn(lsn), reason)

    def _name(self, oid: int) -> str:
        return self._tables[oid].source if oid in self._tables else str(oid)


def _silent(table: str, rows: int) -> None:
    """Report no progress."""
