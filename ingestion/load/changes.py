"""Apply the row changes of a batch, table by table, inside the loader's transaction."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from ingestion.errors import LoadError, WireError
from ingestion.load.batch import Batch
from ingestion.load.parts import Part
from ingestion.load.positions import POSTGRES
from ingestion.load.tables import Landing, fits, reshape
from ingestion.postgres.pgoutput import Changes, Messages, Relation, Values
from ingestion.postgres.pgoutput.binary import column_text
from ingestion.postgres.pgoutput.lsn import format_lsn
from ingestion.postgres.pgoutput.messages import INSERT
from ingestion.postgres.pgoutput.records import Members
from ingestion.postgres.pgoutput.tuples import Wire, arrow_booleans, arrow_integers
from ingestion.selection.views import Treater, View, numbers, source_oid
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import Table, TableState


class TableFailureError(LoadError):
    """The changes of some tables cannot be decoded or applied; those of the others can. `reasons` by OID."""

    def __init__(self, reasons: dict[int, str]) -> None:
        super().__init__("; ".join(reasons.values()))
        self.reasons = reasons


@dataclass(slots=True)
class BatchLoad:
    """Loads the row changes of one batch. `tables` is kept up to date; `skip` names tables that wait for a new copy.

    `asked` are OIDs of those that somebody wants copied: they wait from here on. `returned` are OIDs of those that
    replicate again after they had stopped: they wait for one, too.
    """

    destination: Destination
    landing: Landing
    treater: Treater
    tables: dict[int, Table]
    clock: str | None = None
    skip: dict[int, str] = field(default_factory=dict)
    asked: Collection[int] = ()
    rows: int = 0
    returned: set[int] = field(default_factory=set)
    changed: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Commit LSN and time (Unix, microseconds) of each table's last change, by source."""

    def load(self, batch: Batch, *, only: int | None = None) -> None:
        """Apply the batch's changes to mirrors and histories; `only` restricts it to one table.

        Raises TableFailureError when a table's changes cannot be applied: the transaction is then to be rolled back.
        It names all such tables at once, as far as they can be told, so that a batch is not begun anew for each.
        """
        if only is not None:
            self.destination.clock.recall(batch.epoch)
        else:
            self._stamp(batch)
            self._leave_behind(batch)
        self._await_copies(batch, only, [(batch.lsn, self.asked)])
        self._await_copies(batch, only, [known for known in batch.untold if known[0] < batch.lsn])
        failed: dict[int, str] = {}
        try:
            for part in batch.parts:
                for oid in part.messages.relations():
                    for number in numbers(oid):
                        if self._takes(number, batch.epoch, only) and number not in failed:
                            with _noting(number, failed):
                                self._table(part.messages, self.tables[number], part.versions.get(oid, []))
            for since, relation in batch.shapes:
                for number in numbers(relation.oid):
                    if self._takes(number, batch.epoch, only) and number not in failed:
                        with _noting(number, failed):
                            self._reshape_alone(self.tables[number], since, relation)
        except Exception as error:
            if not failed:
                raise
            raise TableFailureError(failed) from error  # an engine may refuse all that follows a failure
        if failed:
            raise TableFailureError(failed)
        self._await_copies(batch, only, batch.untold)
        if batch.members is not None and only is None:
            self._note_members(batch.epoch, *batch.members)
        changed = {source: (lsn, datetime.fromtimestamp(us / 1e6, UTC)) for source, (lsn, us) in self.changed.items()}
        self.destination.machinery.reports.note_changes(batch.epoch, changed)

    def _takes(self, oid: int, epoch: int, only: int | None) -> bool:
        """Whether a table's changes concern us; of one that waits the log keeps them, until a copy comes."""
        table = self.tables.get(oid)
        if table is None or table.epoch != epoch or (only is not None and oid != only):
            return False
        return oid not in self.skip and table.state is TableState.STREAMING

    def _reshape_alone(self, table: Table, since: int, relation: Relation) -> None:
        """Give a table the shape that it has since that LSN, where no row came to tell of it."""
        landed = self.landing.view(relation, table).relation
        if since > table.snapshot_lsn and not fits(table, landed):
            self.destination.clock.pretend(since)
            self.tables[table.oid] = reshape(self.destination, table, landed, (since, 0))

    def _leave_behind(self, batch: Batch) -> None:
        """Let tables of former epochs wait: capture copies each of them, and until then they are not what they were."""
        for oid, table in self.tables.items():
            if table.epoch < batch.epoch and table.state is TableState.STREAMING:
                self.tables[oid] = self.destination.machinery.write_state(table, TableState.RESYNCING, batch.lsn)

    def _await_copies(self, batch: Batch, only: int | None, untold: Iterable[tuple[int, Collection[int]]]) -> None:
        """Let tables wait for a copy that is due: what the stream says of them would be in it once more."""
        for lsn, oids in untold:
            for oid in (number for named in oids for number in numbers(named)):
                if self._takes(oid, batch.epoch, only) and self.tables[oid].snapshot_lsn < lsn:
                    table = self.tables[oid]
                    self.tables[oid] = self.destination.machinery.write_state(table, TableState.RESYNCING, lsn)

    def _note_members(self, epoch: int, lsn: int, members: Members) -> None:
        """Let tables rest that replicated before and do not any more, and have those copied that do so again.

        One that is still there is inexact from now on: whoever reads it should know.
        """
        machinery = self.destination.machinery
        resting = machinery.resting_tables()
        for oid, table in self.tables.items():
            newer = (table.epoch, table.snapshot_lsn) >= (epoch, lsn)  # LSNs start over with an epoch
            if newer:
                continue
            if source_oid(oid) in members.oids:
                if oid in resting and table.epoch == epoch:
                    self.tables[oid] = machinery.write_state(table, TableState.RESYNCING, lsn)
                    self.returned.add(source_oid(oid))
                continue
            reason = members.refused.get(source_oid(oid))
            state = TableState.INEXACT if reason else TableState.STOPPED
            if table.state in (state, TableState.STOPPED):
                continue
            machinery.note_change(table, lsn, "stop", "", reason or "dropped, or no longer published")
            if reason:
                machinery.quarantine.note(POSTGRES, table.source, format_lsn(lsn), f"it no longer replicates: {reason}")
            self.tables[oid] = machinery.write_state(table, state, lsn)

    def _stamp(self, batch: Batch) -> None:
        """Enter the batch's transactions in `_flux.clock`, and in `_tx` for the history.

        Before any row: the time of a transaction of many parts may stand in its last one. Quiet times stand before the
        place up to which they are told, where no commit is; where a column tells the time they say nothing.
        """
        lsn, committed, ticks = [], [], []
        if batch.arriving is not None:
            transaction = batch.arriving.transaction
            lsn, committed = [np.array([transaction.lsn])], [np.array([transaction.committed_at_us])]
        for part in batch.parts if batch.arriving is None else ():
            transactions = part.messages.transactions
            begun = transactions.begin >= 0
            lsn.append(transactions.lsn[begun])
            committed.append(transactions.committed_at_us[begun])
            if self.clock:
                ticks.append(self._ticks(part))
        quiet = np.array([] if self.clock else batch.quiet, np.int64).reshape(-1, 2)
        if not lsn and not len(quiet):
            return
        lsn.append(quiet[:, 0] - 1)
        committed.append(quiet[:, 1])
        told_at = arrow_integers(np.concatenate(committed)).cast(pa.timestamp("us", "UTC"))
        is_commit = arrow_booleans(np.arange(len(told_at)) < len(told_at) - len(quiet))
        rows = pa.table({"_lsn": arrow_integers(np.concatenate(lsn)), "told_at": told_at, "is_commit": is_commit})
        self.destination.clock.stamp(batch.epoch, rows, pa.concat_tables(ticks) if ticks else None)

    def _ticks(self, part: Part) -> pa.Table:
        """The clock column's values by commit LSN (text)."""
        messages = part.messages
        empty = pa.table({"_lsn": pa.nulls(0, pa.int64()), "tick": pa.nulls(0, pa.string_view())})
        source, _, column = (self.clock or "").rpartition(".")
        found = [empty]
        for oid, versions in part.versions.items():
            for number, (low, relation) in enumerate(versions):
                names = [c.name for c in relation.columns]
                if relation.source != source or column not in names or oid not in messages.relations():
                    continue
                high = versions[number + 1][0] if number + 1 < len(versions) else None
                changes = messages.changes(relation, low, high)
                place = names.index(column)
                values = column_text(messages.wire, changes.new[place], relation.columns[place])
                found.append(pa.table({"_lsn": arrow_integers(changes.lsn[changes.new_rows]), "tick": values}))
        return pa.concat_tables(found)

    def _table(self, messages: Messages, table: Table, versions: list[tuple[int, Relation]]) -> None:
        """Apply one table's changes, shape by shape, cut at truncates and at key changes that carry values."""
        oid = source_oid(table.oid)
        first = int(np.searchsorted(messages.transactions.lsn, table.snapshot_lsn))
        begins = messages.transactions.begin
        start = max(int(begins[first]), 0) if first < len(begins) else len(messages.tag)
        if messages.touches(oid, start, versions[0][0] if versions else len(messages.tag)):
            raise LoadError(f"the log holds changes of {table.source!r} of which it does not say the columns")
        truncates = [index for index, oids in messages.truncates() if oid in oids and index >= start]
        for number, (index, relation) in enumerate(versions):
            low = max(index, start)
            high = versions[number + 1][0] if number + 1 < len(versions) else len(messages.tag)
            cuts = [cut for cut in truncates if low <= cut < high]
            changes = messages.changes(relation, low, high) if low < high else None
            if changes is None or not (len(changes.index) or cuts):
                continue
            view = self.landing.view(relation, table)
            if not fits(table, view.relation):
                table = reshape(self.destination, table, view.relation, messages.place_before(low))
                self.tables[table.oid] = table
            self._shape(messages, table, view, changes, cuts, high)
            last = max([*changes.index[-1:].tolist(), *cuts[-1:]])
            place = int(np.searchsorted(messages.transactions.commit, last))
            self.changed[table.source] = (
                int(messages.transactions.lsn[place]),
                int(messages.transactions.committed_at_us[place]),
            )
            table = self.tables[table.oid]  # the changes may have given it sibling columns
            self.rows += len(changes.index)

    def _shape(
        self, messages: Messages, table: Table, view: View, changes: Changes, cuts: list[int], high: int
    ) -> None:
        new, old = arrow_tuples(messages.wire, view.taken, view.of_changes(changes))
        staged = self.destination.stage(table, self.treater.treat(view, new), self.treater.treat(view, old))
        self.tables[table.oid] = staged.table
        carried = staged.carried_key_changes()
        low = 0
        for cut in [*cuts, high]:
            for begin, end in _ranges(carried, low, 2 * cut - 1):
                staged.apply(begin, end)
            if cut in cuts:
                lsn, seq = messages.stamp(np.array([cut]))
                staged.truncate(int(lsn[0]), int(seq[0]))
            low = 2 * cut


@contextmanager
def _noting(oid: int, failed: dict[int, str]) -> Iterator[None]:
    """Note why a table's changes cannot be applied, and go on with the others."""
    try:
        yield
    except (WireError, LoadError, pa.ArrowInvalid) as error:
        failed[oid] = str(error).splitlines()[0]


def _ranges(carried: list[tuple[int, int, int]], low: int, high: int) -> list[tuple[int, int]]:
    """Cut [low, high] so that key changes that carry values stand in ranges of their own.

    Neighbours go together while no key is touched twice; what lies between two of them is a range, too.
    """
    found: list[tuple[int, int]] = []
    touched: set[int] = set()
    at = low
    for place, before, after in carried:
        if not low <= place <= high:
            continue
        old = place - 1
        if found and found[-1][1] == at - 1 and touched and old == at and not touched & {before, after}:
            found[-1] = (found[-1][0], place)
        else:
            if at < old:
                found.append((at, old - 1))
            found.append((old, place))
            touched = set()
        touched |= {before, after}
        at = place + 1
    if at <= high:
        found.append((at, high))
    return found


def arrow_tuples(wire: Wire, relation: Relation, changes: Changes) -> tuple[pa.Table, pa.Table]:
    """New and old tuples as Arrow tables; values that the new tuple left out are taken from a full old one."""
    new = list(changes.new)
    if relation.identity == "f":
        place = np.searchsorted(changes.old_rows, changes.new_rows)
        place = np.minimum(place, max(len(changes.old_rows) - 1, 0))
        for i, values in enumerate(new):
            rows = np.flatnonzero(values.unchanged())
            if len(rows):
                new[i] = values.patched(rows, changes.old[i].take(place[rows]))
    return (
        _table(wire, relation, changes, changes.new_rows, new, 1),
        _table(wire, relation, changes, changes.old_rows, changes.old, 0),
    )


def _table(
    wire: Wire,
    relation: Relation,
    changes: Changes,
    rows: "np.ndarray[tuple[int], np.dtype[np.intp]]",
    values: list[Values],
    odd: int,
) -> pa.Table:
    columns = {
        "_n": arrow_integers(2 * changes.index[rows] + odd),
        "_tag": arrow_integers(changes.tag[rows]),
        "_lsn": arrow_integers(changes.lsn[rows]),
        "_seq": arrow_integers(changes.seq[rows]),
    }
    for i, column in enumerate(values):
        columns[f"c{i}"] = column_text(wire, column, relation.columns[i])
        unchanged = column.unchanged()
        if odd and unchanged.any():
            if (changes.tag[rows[unchanged]] == INSERT).any():  # an update that a row filter made an insert of
                raise LoadError(f"a row of {relation.source!r} came in without a long value, which only a copy tells")
            columns[f"u{i}"] = arrow_booleans(unchanged)
    return pa.table(columns)
