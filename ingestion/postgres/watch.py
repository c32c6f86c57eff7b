"""The watch: looks at the source's catalog while its stream is captured, and sees to what the stream does not say.

`ingestion.postgres.drift` tells what is compared and why. A look that finds nothing new is one query; locks that the
product holds make a look wait no longer than a second, and then it is put off.
"""

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psycopg

from ingestion.errors import SourceGapError
from ingestion.log.directory import passed, want
from ingestion.postgres.copy import copy_lsns
from ingestion.postgres.drift import SeenTable, Sight, read_sight, why_copy, write_sight
from ingestion.postgres.fingerprint import read_fingerprint
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.records import Members
from ingestion.postgres.plan import make_plan
from ingestion.postgres.publication import ensure_publication, read_publication
from ingestion.postgres.slot_note import SLOT_NOTE, SlotWatch
from ingestion.postgres.source import Source
from ingestion.postgres.tables import RefusedTable, TableRef

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0
_LOCK_SECONDS: Final = 1
_DOUBT_SECONDS: Final = 0.1
STATEMENT_SECONDS: Final = 20


class Watch:
    """Watch over one source. `path` keeps the last sight, `copies` is where copies are asked for."""

    def __init__(self, source: Source, path: Path, copies: Path, look_seconds: float = LOOK_SECONDS) -> None:
        self._source, self._path, self._copies, self._look_seconds = source, path, copies, look_seconds
        self._settled = read_sight(path)
        self._pending: Sight | None = None
        self._judged: Sight | None = None
        self._to_copy: dict[int, str] = {}
        self._fingerprint: str | None = None
        self._looked_at = 0.0
        self._doubtful = False
        self._refused: dict[int, str] = {}
        self._told: Members | None = None
        self._said: set[tuple[int, str]] = set()
        self._slot = SlotWatch(path.with_name(SLOT_NOTE), source.slot)
        self.tables: Sequence[TableRef] = ()

    def whole(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether the publication is the one of the last sight, unaltered: else the stream may have left things out.

        So it may, too, when that sight is lost.
        """
        found = read_publication(connection, self._source.publication)
        return found is not None and self._settled is not None and self._settled.publication == found

    @property
    def passed(self) -> int:
        """An epoch that the warehouse has seen and the log had not; 0: none."""
        return passed(self._copies)

    def begin(self, connection: psycopg.Connection[Any], epoch: int, tables: Sequence[TableRef]) -> int:
        """Begin to watch these published tables; the LSN to be reached before the first sight can be judged."""
        if self._settled is not None and self._settled.epoch != epoch:
            self._settled = None
        connection.execute(f"set lock_timeout = '{_LOCK_SECONDS}s'")
        connection.execute(f"set statement_timeout = '{STATEMENT_SECONDS}s'")
        self.tables, self._looked_at = tables, time.monotonic()
        sight = Sight.take(connection, epoch, self._source.publication, [table.oid for table in tables])
        if self._settled is None:
            self._settle(sight)  # at once: copies are held against it from now on
        self._pending, self._told = sight, None
        return sight.lsn

    def tell_refused(self, refused: Sequence[RefusedTable]) -> None:
        """Say which tables that were replicated no longer are: the warehouse keeps them as they were."""
        self._refused = {refusal.table.oid: refusal.reason for refusal in refused if not refusal.left_out}
        known = self._settled.tables if self._settled is not None else {}
        for refusal in refused:
            if refusal.table.oid in known and (refusal.table.oid, refusal.reason) not in self._said:
                self._said.add((refusal.table.oid, refusal.reason))
                logger.warning(
                    "table no longer replicates table=%s reason=%s fix=%s",
                    refusal.table.source,
                    refusal.reason,
                    refusal.fix,
                )

    @property
    def due(self) -> bool:
        """Whether it is time to look again."""
        seconds = _DOUBT_SECONDS if self._doubtful else self._look_seconds
        return self._pending is None and time.monotonic() - self._looked_at > seconds

    @property
    def settled(self) -> bool:
        """Whether all that the catalog showed was acted upon, and no table is in doubt."""
        return self._pending is None and not self._doubtful

    def look(self, connection: psycopg.Connection[Any]) -> bool:
        """Look whether anything changed. Raises SourceGapError when the publication did."""
        assert self._settled is not None
        self._looked_at = time.monotonic()
        self._slot.look(connection)
        name = self._source.publication
        if self.passed > self._settled.epoch:
            raise SourceGapError("the warehouse is of a later epoch than the log; all tables are copied again")
        if not self.whole(connection):
            raise SourceGapError(
                f"publication {name!r} was dropped or altered: the stream may lack changes; all tables are copied again"
            )
        found = read_fingerprint(connection, name)
        if found == self._fingerprint:
            return False
        try:
            plan = make_plan(self._source, lock_seconds=_LOCK_SECONDS)
            self.tell_refused(plan.refused)
            self.tables = ensure_publication(connection, name, plan.selected)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable) as error:
            logger.info("look at the catalog is put off reason=%s", error.diag.message_primary)
            return False
        except psycopg.errors.InsufficientPrivilege as error:
            logger.warning("new tables cannot be published reason=%s", error.diag.message_primary)
            return False
        self._pending = Sight.take(connection, self._settled.epoch, name, [table.oid for table in self.tables])
        self._fingerprint = found
        return True

    @property
    def pending(self) -> int | None:
        """The LSN that must be reached before the newest sight can be judged; None when all were."""
        return self._pending.lsn if self._pending is not None else None

    def judge(
        self,
        connection: psycopg.Connection[Any],
        truncated: Mapping[int, int],
        told: Mapping[int, Relation],
        just_told: Mapping[int, int],
    ) -> list[Relation]:
        """Judge the newest sight, now that the stream has come to it; return the shapes that the log must be told.

        `truncated` says up to which LSN a table was truncated, `told` which shape the stream gave it, `just_told` at
        which LSN it did so since the sight was taken. There the stream knows better, as does a copy made since; unless
        it told of a time before the sight: then another look decides. The caller makes the shapes, `members` and
        `to_copy` durable in the log, then calls `settle`; or judges again later.
        """
        sight, before = self._pending, self._settled
        assert sight is not None
        assert before is not None
        shapes, tables, self._doubtful = [], dict(_remembered(connection, before, sight)), False
        copied = copy_lsns(self._copies, sight.epoch)
        self._to_copy.clear()
        for oid, table in sight.tables.items():
            seen = tables.get(oid)
            tables[oid] = table
            if seen is None:
                continue  # new: the log has no copy of it
            shape = told.get(oid, seen.relation)
            emptied = before.since < truncated.get(oid, 0) <= sight.lsn
            reason = why_copy(connection, seen, table, shape, truncated=emptied)
            if reason is not None:
                self._to_copy[oid] = reason
            elif shape != table.relation and (oid in just_told or copied.get(oid, 0) > sight.since):
                tables[oid] = replace(table, relation=shape)
                self._fingerprint = None
                self._doubtful = self._doubtful or just_told.get(oid, sight.since) < sight.since
            elif shape != table.relation:
                shapes.append(table.relation)
        self._judged = replace(sight, tables=tables)
        return shapes

    @property
    def members(self) -> Members | None:
        """The tables of the newest sight, where the log was not told just these."""
        assert self._pending is not None
        found = self._members()
        return found if found != self._told else None

    def _members(self) -> Members:
        return Members(frozenset(table.oid for table in self.tables), self._refused)

    @property
    def to_copy(self) -> Collection[int]:
        """The tables of the sight that was judged of which a new copy is due."""
        return self._to_copy.keys()

    def settle(self) -> None:
        """Ask for the copies that the newest sight makes due, and remember that it was acted upon."""
        assert self._judged is not None
        for oid, reason in self._to_copy.items():
            source = self._judged.tables[oid].relation.source
            logger.warning("table is copied again table=%s reason=%s", source, reason)
            want(self._copies, oid, reason)
        self._told = self._members()
        self._settle(self._judged)

    def _settle(self, sight: Sight) -> None:
        write_sight(self._path, sight)
        self._settled, self._pending, self._judged = sight, None, None


def _remembered(connection: psycopg.Connection[Any], before: Sight, sight: Sight) -> Iterator[tuple[int, SeenTable]]:
    """Tables of the last sight that still exist; those that are not published any more need a copy if they return."""
    alive = connection.execute("select oid from pg_class where oid = any(%s)", (list(before.tables),))
    for (oid,) in alive.fetchall():
        table = before.tables[oid]
        yield oid, table if oid in sight.tables else replace(table, member="gone")
