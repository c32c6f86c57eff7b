"""Replay: a new warehouse from the log, in the place of the old one or beside it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from ingestion.load.replay import Rebuilt, has_all_events, missing_copies, rebuild
from ingestion.load.service import Loader
from ingestion.load.status import write_status
from ingestion.postgres.pgoutput.lsn import format_lsn, parse_lsn
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.duckdb.connection import connect
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from ingestion.warehouse.duckdb.successor import beside, put_in_place, settle, take_over
from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.lease import lease
from ingestion.warehouse.urls import DUCKDB
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.status import read_status
from orchestration.walk.loading import loader as loader_of

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that is done. `kept` is the old warehouse's file (None: there was none, or it is where it was)."""

    rebuilt: Rebuilt
    url: str
    lost: tuple[str, ...]
    """Tables that the source dropped, and the log has no longer."""
    kept: Path | None = None
    events_taken_over: bool = False


def replay(
    settings: Settings, *, into: str | None = None, events_from_log: bool = False, progress: Progress | None = None
) -> Replayed:
    """Build the warehouse anew from the log; `into` names another, empty one, and leaves the old as it is.

    With `events_from_log` events that only the old warehouse has are given up. Waits for the lease, and holds it for
    all of it. Raises FluxError when the log lacks something.
    """
    loader = loader_of(settings)
    if into is None and settings.is_read_in_place:
        raise FluxError(
            "a warehouse on Postgres or BigQuery is not replaced in its place: name another, empty one with "
            "--into postgresql://... or bigquery://PROJECT/PREFIX, then let FLUX_WAREHOUSE_URL name it"
        )
    with lease(settings.home, "flux replay"):
        status = read_status(settings.status_path)
        known = status.tables if status is not None else ()
        sources = [table.source for table in known if table.state != "stopped"]
        lacking = missing_copies(loader.log, sources)
        if lacking:
            raise FluxError(
                f"the log no longer holds what a replay needs of {', '.join(lacking)}; new copies are asked for: run "
                "'flux replicate --until-now', then 'flux replay' again (a table that still lacks one: "
                "'flux replicate --again TABLE'). Nothing was changed"
            )
        whole = has_all_events(loader.log) or events_from_log
        rested = tuple(table.source for table in known if table.state == "stopped")
        least = (status.epoch, parse_lsn(status.loaded_lsn)) if status is not None else (0, 0)
        build = _Build(loader=loader, sources=sources, rested=rested, least=least, whole=whole, progress=progress)
        return build.into(into) if into is not None else build.in_place(settings.warehouse_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Build:
    """A replay under way: `sources` must be exact in the end, and the position not before `least`.

    `rested` are tables that the source no longer has; `whole` says that the log has all events that are wanted.
    """

    loader: Loader
    sources: list[str]
    rested: tuple[str, ...]
    least: tuple[int, int]
    whole: bool
    progress: Progress | None

    def into(self, url: str) -> Replayed:
        """Build another, new warehouse."""
        if not self.whole:
            raise FluxError(
                "the first events are no longer in the log, only in the warehouse; replay it in its place, which takes "
                "them over, or give them up with --events-from-log"
            )
        if url.startswith(DUCKDB) and Path(url.removeprefix(DUCKDB)).exists():
            raise FluxError(f"{url.removeprefix(DUCKDB)!r} is there already; --into wants a new file")
        with open_warehouse(url, memory_bytes=self.loader.memory_bytes) as destination:
            if destination.machinery.session.columns("_flux", "positions"):
                raise FluxError("the warehouse named by --into is in use already; name an empty one")
            return self._load(destination, url, "older history is in the warehouse of before")

    def in_place(self, live: Path) -> Replayed:
        """Build a file beside the live one, and let it take its place."""
        new, readable = beside(live), settle(live)
        if not self.whole and not readable:
            raise FluxError(
                f"the first events are no longer in the log, and {str(live)!r}, which has them, cannot be read; "
                "--events-from-log gives them up"
            )
        with closing(connect(new, memory_bytes=self.loader.memory_bytes)) as connection:
            destination = DuckdbDestination(connection)
            destination.events.ensure()
            if readable:
                take_over(connection, live, events=not self.whole)
            older = f"older history is in {live.stem}.before-*{live.suffix}, if that was kept"
            done = self._load(destination, self.loader.url, older)
            connection.execute("force checkpoint")
        kept = put_in_place(new, live)
        with open_warehouse(self.loader.url, memory_bytes=self.loader.memory_bytes) as opened:
            changes = self.loader.changes(opened)
            write_status(opened, self.loader.home, self.loader.log, changes.tables, changes.position)
        return replace(done, kept=kept, events_taken_over=not self.whole)

    def _load(self, destination: Destination, url: str, older: str) -> Replayed:
        rebuilt = rebuild(
            self.loader, destination, self.sources, reason=f"rebuilt by a replay; {older}", progress=self.progress
        )
        if (rebuilt.epoch, rebuilt.lsn) < self.least:
            raise FluxError(
                f"the log ends at {format_lsn(rebuilt.lsn)}, before the warehouse ({format_lsn(self.least[1])}): it is "
                "an older one, or another's; put the right log back. Nothing was changed"
            )
        there = {table.source for table in destination.machinery.read_tables().values()}
        return Replayed(rebuilt, url, lost=tuple(source for source in self.rested if source not in there))
