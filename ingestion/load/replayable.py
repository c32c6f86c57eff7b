"""The copies that the log holds, and which of them a load can begin with.

A copy is of use when nothing is missing of what followed it: when its need, the LSN from which the stream must be read
for it, is not before the place where the stream begins (`log_begin`).

A copy that is of no use any more is spent: its rows are gone, and a file `spent` keeps the table's shape. Its
directory stays, by which capture knows that the table was copied.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ingestion.durable import sync
from ingestion.failpoints import reach
from ingestion.load.log_begin import Place, log_begin
from ingestion.log import LogReader
from ingestion.log.directory import segment_numbers
from ingestion.log.segment import segment_name
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.lsn import format_lsn
from ingestion.postgres.pgoutput.records import BASE, COPY, RELATION, CopyBase, CopyName
from ingestion.warehouse.table import Table, TableState

SPENT: Final = "spent"
REMOVED: Final = ".removed"


@dataclass(frozen=True, slots=True)
class CopyState:
    """A whole copy in the log. `need` is the LSN from which the stream must be there for it, `at` its moment."""

    name: CopyName
    directory: Path
    relation: Relation
    need: int
    at: datetime
    spent: bool

    @property
    def place(self) -> Place:
        """Where the table stood in it."""
        return self.name.epoch, self.name.lsn

    def usable(self, begin: Place | None) -> bool:
        """Whether a load can begin with it, in a log that begins there."""
        return not self.spent and begin is not None and begin <= (self.name.epoch, self.need)

    def loaded(self, tables: Iterable[Table]) -> bool:
        """Whether the warehouse has it, or a newer one of the same table."""
        return any(
            (table.oid == self.name.oid or table.source == self.relation.source)
            and (table.epoch, table.snapshot_lsn) >= self.place
            for table in tables
        )

    def spend(self) -> None:
        """Remove its rows; what tells of them stays."""
        (self.directory / SPENT).write_bytes(self.relation.to_bytes())
        sync(self.directory)
        reach("retention.spent")
        for number in segment_numbers(self.directory):
            (self.directory / segment_name(number)).unlink(missing_ok=True)
        shutil.rmtree(self.directory / "spill", ignore_errors=True)

    def remove(self) -> None:
        """Remove it whole: under another name first, so that no half of it passes for a copy."""
        aside = self.directory.with_name(self.directory.name + REMOVED)
        self.directory.rename(aside)
        sync(aside.parent)
        reach("retention.copy_aside")
        shutil.rmtree(aside)


def read_copies(directory: Path) -> Iterator[CopyState]:
    """The whole copies of a log. Reads the begin of each."""
    for entry in sorted(directory.iterdir()) if directory.is_dir() else ():
        name = CopyName.parse(entry.name)
        if name is None:
            continue
        if (entry / SPENT).exists():
            relation = Relation.from_bytes((entry / SPENT).read_bytes())
            yield CopyState(name, entry, relation, name.lsn, datetime.fromtimestamp(0, UTC), spent=True)
            continue
        found: Relation | None = None
        need, at_us, reader = name.lsn, 0, LogReader(entry)
        for at, header in reader.headers():
            if header.kind == RELATION:
                found, at_us = Relation.from_bytes(reader.read(at, header).payload), header.mark
            elif header.kind == BASE:
                need = CopyBase.from_bytes(reader.read(at, header).payload).lsn
            elif header.kind == COPY:
                break
        if found is not None:
            yield CopyState(name, entry, found, need, datetime.fromtimestamp(at_us / 1e6, UTC), spent=False)


@dataclass(frozen=True, slots=True)
class ReplayStart:
    """From where on a replay gives the history of all tables: the newest of their latest copies.

    `lacking` are those without a copy that a replay can begin with.
    """

    at: datetime | None = None
    place: Place | None = None
    lacking: tuple[str, ...] = ()

    @property
    def possible(self) -> bool:
        """Whether a replay would bring every table."""
        return self.place is not None and not self.lacking

    def to_json(self) -> dict[str, Any]:  # Any: a JSON document
        """The form of `flux status --json`."""
        return {
            "possible": self.possible,
            "from_at": self.at.isoformat() if self.at is not None else None,
            "from_lsn": format_lsn(self.place[1]) if self.place is not None else None,
            "lacking": list(self.lacking),
        }


def replay_start(log: Path, tables: Iterable[Table], copies: Iterable[CopyState] | None = None) -> ReplayStart:
    """Say from where on the log can rebuild these tables; those that rest at the source's wish do not count."""
    begin = log_begin(LogReader(log / "postgres"))
    latest: dict[int, CopyState] = {}
    for copy in read_copies(log / "copies") if copies is None else copies:
        if copy.name.oid not in latest or latest[copy.name.oid].place < copy.place:
            latest[copy.name.oid] = copy
    live = [table for table in tables if table.state is not TableState.STOPPED]
    useful = [latest[table.oid] for table in live if table.oid in latest and latest[table.oid].usable(begin)]
    lacking = {table.source for table in live} - {copy.relation.source for copy in useful}
    newest = max(useful, key=lambda copy: copy.place, default=None)
    return ReplayStart(newest.at if newest else None, newest.place if newest else None, tuple(sorted(lacking)))
