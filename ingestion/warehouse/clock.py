"""Flux's clock: `_flux.clock` gives each commit position a time that never runs backwards (design law 5).

A row without a commit time is no commit: all that had committed by its time lies before its place.

A batch's transactions stand in the temporary table `_tx` (_lsn, clock_at) while their changes are applied.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa

from ingestion.warehouse.session import Session

_STAMPED: Final = {"_lsn": "bigint", "commit_at": "timestamptz", "clock_at": "timestamptz"}


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one warehouse, in the caller's transaction."""

    session: Session

    def stamp(self, epoch: int, transactions: pa.Table, ticks: pa.Table | None) -> None:
        """Enter transactions (_lsn, told_at, is_commit) in `_flux.clock`, and make `_tx` of them.

        One that is no commit tells that the source was quiet until then. It is entered without a commit time, and only
        where the clock did not show as much already: so whatever the batches, the same log makes the same clock.
        `ticks` (_lsn, tick: text) is what a column of the source says of the time; None: commit times are the time.
        """
        self.session.bring("_rows", transactions)
        tick, joined = "r.told_at", ""
        if ticks is not None:
            self.session.bring("_ticks", ticks)
            tick = "t.tick"
            read = self.session.time_from_text("tick")
            joined = f"left join (select _lsn, max({read}) as tick from _ticks group by _lsn) as t on t._lsn = r._lsn"
        self.session.keep(
            "_tx",
            "select _lsn, commit_at, clock_at from (select r._lsn, "
            "case when r.is_commit then r.told_at end as commit_at, "
            "greatest((select max(clock_at) from _flux.clock), "
            f"max({tick}) over (order by r._lsn rows unbounded preceding)) as clock_at, "
            "greatest((select max(clock_at) from _flux.clock), "
            f"max({tick}) over (order by r._lsn rows between unbounded preceding and 1 preceding)) as before_at "
            f"from _rows as r {joined}) as told where commit_at is not null or coalesce(clock_at > before_at, true)",
            _STAMPED,
        )
        self.session.forget("_rows")
        if ticks is not None:
            self.session.forget("_ticks")
        self.session.execute(
            "insert into _flux.clock select $1, _lsn, commit_at, coalesce(clock_at, commit_at) from _tx order by _lsn",
            [epoch],
        )
        self.session.execute("update _tx set clock_at = commit_at where clock_at is null")

    def recall(self, epoch: int) -> None:
        """Make `_tx` of all transactions of an epoch that were stamped."""
        self.session.keep(
            "_tx",
            "select _lsn, max(commit_at) as commit_at, max(clock_at) as clock_at from _flux.clock "
            f"where _epoch = {epoch:d} group by _lsn",
            _STAMPED,
        )

    def pretend(self, lsn: int) -> None:
        """Make `_tx` of one position that is no commit's: its time is the newest."""
        self.session.keep("_tx", f"select {lsn:d} as _lsn, max(clock_at) as clock_at from _flux.clock")

    def newest(self, ticks: pa.Array) -> datetime | None:
        """Read the newest of some times, given as text."""
        self.session.bring("_ticks", pa.table({"tick": ticks}))
        rows = self.session.execute(f"select max({self.session.time_from_text('tick')}) from _ticks")
        self.session.forget("_ticks")
        found: datetime | None = rows[0][0]
        return found

    def now(self) -> datetime | None:
        """The newest time that the clock shows, in UTC: what is loaded is complete up to then."""
        found: datetime | None = self.session.execute("select max(clock_at) from _flux.clock")[0][0]
        return found.astimezone(UTC) if found is not None else None

    def around(self, epoch: int, lsn: int) -> tuple[datetime | None, datetime | None]:
        """The clock's time up to a position, and its next one after it."""
        before, after = self.session.execute(
            "select max(clock_at) filter (where _epoch < $1 or (_epoch = $1 and _lsn <= $2)), "
            "min(clock_at) filter (where _epoch > $1 or (_epoch = $1 and _lsn > $2)) from _flux.clock",
            [epoch, lsn],
        )[0]
        return before, after

    def enter(self, epoch: int, lsn: int, commit_at: datetime, clock_at: datetime) -> None:
        """Enter a position that is no commit: a snapshot's. Once is enough."""
        self.session.execute(
            "insert into _flux.clock select $1, $2, $3, $4 where not exists "
            "(select 1 from _flux.clock where _epoch = $1 and _lsn = $2 and clock_at = $4)",
            [epoch, lsn, commit_at, clock_at],
        )
