"""From the doors to the warehouse: capture, load, and the proofs that nothing was lost on the way."""

from __future__ import annotations

import difflib
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import demo
from ingestion.events.tracking_plan import TrackingPlan, load_tracking_plan
from ingestion.load.retention import Keep
from ingestion.load.service import Drained, Loader
from ingestion.log.directory import want, wanted
from ingestion.postgres.awaited import await_captured
from ingestion.postgres.capture import Capture
from ingestion.postgres.identity import accept_source
from ingestion.postgres.plan import make_plan
from ingestion.postgres.source import Source
from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.lease import lease
from ingestion.warehouse.postgres.sizes import about_rows
from orchestration.errors import FluxError
from orchestration.locks import is_held, sole
from orchestration.settings import Settings
from orchestration.status import EventStatus, Status, read_status
from orchestration.walk.freshness import Lags
from orchestration.walk.product import CLOCK, product
from orchestration.walk.rows import table_rows
from orchestration.walk.selecting import selection
from orchestration.walk.sizes import table_bytes

Say = Callable[[str], None]
Progress = Callable[[str, int], None]  # table, "stream" or "events"; rows so far

ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the warehouse holds after a load: rows and bytes by (schema, relation), the position in both doors' terms.

    `lag_seconds` is how much of the source was missing when it ended, of the door that was loaded through.
    """

    rows: Mapping[tuple[str, str], int]
    sizes: Mapping[tuple[str, str], int]
    lsn: str
    position: str
    seconds: float
    lag_seconds: float


def replicate(
    settings: Settings,
    *,
    again: Collection[str] = (),
    new_source: bool = False,
    say: Say = lambda text: None,
    progress: Progress | None = None,
) -> Loaded:
    """Bring everything that committed at the source before this call into the warehouse.

    Tables that the load could not follow are copied anew within the same call, as far as that helps; those named by
    `again` (`schema.table`) in any case. Raises FluxError when one of these does not replicate. With `new_source` the
    source may be another server than before.
    """
    began = time.monotonic()
    with product(settings) as source:
        if new_source:
            accept_source(source, settings.log_directory)
        _ask_again(settings, source, again)
        for _ in range(ROUNDS):
            capture_now(settings, source, say=say)
            load(settings, progress=progress)
            if not wanted(settings.log_directory / "copies"):
                break
    return _loaded(settings, began, Lags.of_changes)


def capture_now(settings: Settings, source: Source, *, say: Say = lambda text: None) -> None:
    """See to it that everything that committed before this call is in the log, and every copy that is due.

    Where a capture runs already that one does it; should it end meanwhile, it is done here.
    """
    told = False
    while True:
        with sole(settings.capture_lock) as free:
            if free:
                Capture(source, settings.log_directory).until_now()
                return
        if not told:
            say("a capture is running; waiting until it is here")
            told = True
        if await_captured(source, settings.log_directory, lambda: is_held(settings.capture_lock)):
            return


def follow_source(settings: Settings, source: Source, stop: threading.Event) -> None:
    """Capture until `stop` is set. Raises FluxError when a capture runs already."""
    with sole(settings.capture_lock) as free:
        if not free:
            raise FluxError("a capture of this FLUX_HOME is running already; 'flux up' or 'flux replicate --follow' is")
        Capture(source, settings.log_directory).follow(stop)


def load(settings: Settings, *, progress: Progress | None = None) -> Drained:
    """Load all that the log holds of both doors. Waits for the lease."""
    return loader(settings).drain(progress=progress)


def load_events(settings: Settings, *, say: Say = lambda text: None) -> Loaded:
    """Load all events that the collector has acknowledged."""
    began = time.monotonic()
    drained = load(settings)
    say(f"loaded {sum(part.accepted for part in drained.events)} events")
    return _loaded(settings, began, Lags.of_events)


def loader(settings: Settings) -> Loader:
    """Give the loader of these settings."""
    clock = settings.clock or (CLOCK if settings.has_stand_in else None)
    return Loader(
        settings.home,
        settings.warehouse,
        clock=clock,
        plan=tracking_plan(settings),
        selection=selection(settings),
        history=settings.history == "keep",
        memory_bytes=settings.loader_memory_bytes,
        keep=Keep(settings.log_keep_days, settings.log_keep_bytes),
    )


def tracking_plan(settings: Settings) -> TrackingPlan | None:
    """Give the plan of the events: the named one, or the stand-in's. Raises IngestionError when it is not one."""
    path = settings.tracking_plan
    if path is None and settings.has_stand_in:
        path = Path(demo.__file__).parent / "tracking_plan.yaml"
    return None if path is None else load_tracking_plan(path)


def event_ledger(settings: Settings) -> EventStatus:
    """Give the events' ledger as of the last load, with what the log holds beyond it as accepted."""
    return _status(settings).events


def _ask_again(settings: Settings, source: Source, names: Collection[str]) -> None:
    """Ask for new copies of tables."""
    tables = {table.source: table.oid for table in make_plan(source).selected} if names else {}
    for name in names:
        if name not in tables:
            near = ", ".join(difflib.get_close_matches(name, tables, cutoff=0.3)) or "none is named alike"
            raise FluxError(f"no replicated table is named {name!r} ({near}); 'flux plan' lists them")
    for name in names:
        want(settings.log_directory / "copies", tables[name], "somebody asked for it")


def _loaded(settings: Settings, began: float, lag: Callable[[Lags], float]) -> Loaded:
    status = _status(settings)
    if settings.has_bigquery_warehouse:  # it is not opened for this: that would take it from whoever loads meanwhile
        rows = {_schema_and_name(table.relation): table.rows for table in status.tables}
        return Loaded(rows, {}, status.loaded_lsn, status.position, time.monotonic() - began, lag(Lags(settings)))
    on_postgres = settings.has_postgres_warehouse
    with lease(settings.home, "count of rows"), open_warehouse(settings.warehouse) as destination:
        session = destination.machinery.session
        if on_postgres:
            told = {_schema_and_name(table.relation): table.rows for table in status.tables}
            rows = {relation: count or 0 for relation, count in about_rows(session).items()} | told
        else:
            rows = table_rows(session)
        sizes = table_bytes(session, {schema for schema, _ in rows}, postgres=on_postgres)
    return Loaded(rows, sizes, status.loaded_lsn, status.position, time.monotonic() - began, lag(Lags(settings)))


def _schema_and_name(relation: str) -> tuple[str, str]:
    schema, _, name = relation.partition(".")
    return schema, name


def _status(settings: Settings) -> Status:
    status = read_status(settings.status_path)
    if status is None:
        raise FluxError("nothing was loaded yet; run 'flux replicate --until-now' or 'flux demo'")
    return status
