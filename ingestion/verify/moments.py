"""The moments at which a verification stands: a snapshot of the source, and the warehouse brought to just there.

Nothing is begun under a snapshot that is half as old as it may get: the next one takes its place, and the warehouse is
brought on. A query that has not ended when it is all of that is ended, for it holds back the source's VACUUM. Between
two moments anything may happen to a table, so all that is known of it is read anew.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from ingestion.errors import SelectionError, VerifyError
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.lsn import Lsn, format_lsn
from ingestion.postgres.source import Source
from ingestion.selection.views import View, source_oid, views
from ingestion.verify.snapshot import Held, Snapshot, snapshot
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import Table, TableState

_LEAST_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One position on both sides: everything that committed before the snapshot's LSN, and nothing else.

    `tables` and `views` go by the tables' numbers, `relations`, which are the source's own, by OID.
    """

    epoch: int
    at: Snapshot
    tables: dict[int, Table]
    views: dict[int, View]
    relations: dict[int, Relation]


@dataclass(slots=True)
class Moments:
    """Gives the moment, and sees to it that it is young enough. `held` tells what the past ones cost the source."""

    source: Source
    destination: Destination
    bring: Callable[[Lsn], object]
    oids: list[int]
    max_age_seconds: float
    held: list[Held] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)
    _moment: Moment | None = None

    def now(self) -> Moment:
        """Give the moment: the last one, or where that is too old the next. Raises VerifyError."""
        if self._moment is None or self._moment.at.age_seconds > self.max_age_seconds / 2:
            self._stack.close()
            at = self._stack.enter_context(snapshot(self.source, self.held, max(self.max_age_seconds, _LEAST_SECONDS)))
            self.bring(at.lsn)
            epoch = _require_position(self.destination, at.lsn)
            known = self.destination.machinery.read_tables()
            tables = {number: table for number, table in known.items() if table.state is not TableState.STOPPED}
            relations = at.relations([*{*map(source_oid, tables), *self.oids}])
            found = {view.relation.oid: view for relation in relations.values() for view in self._views(relation)}
            self._moment = Moment(epoch, at, tables, found, relations)
        return self._moment

    def end(self) -> None:
        """Let the snapshot go, under which a query was ended."""
        self._stack.close()
        self._moment = None

    @property
    def last(self) -> Moment:
        """The moment at which the verification stands, however old."""
        return self._moment or self.now()

    def _views(self, relation: Relation) -> tuple[View, ...]:
        try:
            return views(self.source.selection, relation, self.source.protected_schemas)
        except SelectionError:
            return ()  # the plan refuses it, and says why

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def _require_position(destination: Destination, lsn: Lsn) -> int:
    """Return the warehouse's epoch. Raises VerifyError unless it stands at `lsn`."""
    row = destination.machinery.read_position("postgres")
    if row is None:
        raise VerifyError("nothing was replicated yet; run 'flux replicate --until-now'")
    epoch, loaded = row[:2]
    if loaded != lsn:
        raise VerifyError(
            f"warehouse stands at {format_lsn(loaded)} and could not be brought to {format_lsn(lsn)}, where the source "
            "is read; see 'flux status' for why"
        )
    return int(epoch)
