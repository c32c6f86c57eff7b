"""Prove the warehouse: own it, bring it to where the source is read, compare, repair."""

from collections.abc import Callable, Collection
from typing import Final

from ingestion.load.service import Loader
from ingestion.load.status import write_status
from ingestion.log.directory import want
from ingestion.postgres.capture import Capture
from ingestion.postgres.pgoutput.lsn import Lsn
from ingestion.postgres.slot_note import SlotNote
from ingestion.postgres.source import Source, connect, limited
from ingestion.selection.views import source_oid
from ingestion.verify import MAX_AGE_SECONDS, Progress, Repair, VerifyReport, verify_tables
from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.lease import Holder, lease

_BEHIND_BYTES: Final = 64 << 20


def prove(
    source: Source,
    loader: Loader,
    *,
    capture: Callable[[], object] | None = None,
    only: Collection[str] | None = None,
    progress: Progress | None = None,
    on_wait: Callable[[Holder | None], None] | None = None,
    max_age_seconds: float = MAX_AGE_SECONDS,
    repair: bool = False,
) -> VerifyReport:
    """Compare every replicated table (`only`: these sources, `schema.table`) at one position, on a live system.

    `capture` returns when the log holds everything committed before it was called (None: capture here; then nobody
    else may). With `repair` the rows that differ become the source's; for a table of which only a new copy can be right
    that is asked for. Waits for the lease, then holds it throughout. Raises VerifyError, SourceError, WarehouseError.
    """

    def captured() -> None:
        (capture or Capture(source, loader.log).until_now)()

    if _is_behind(source):
        captured()  # a backlog comes before the warehouse is held, and is loaded before a snapshot is taken
    with (
        lease(loader.home, "verify", on_wait=on_wait),
        open_warehouse(loader.url, memory_bytes=loader.memory_bytes) as destination,
    ):

        def load(until: Lsn | None = None) -> None:
            changes = loader.changes(destination)  # anew each time: what it knows of a table may have been repaired
            changes.drain(until=until)
            write_status(destination, loader.home, loader.log, changes.tables, changes.position)

        def bring(lsn: Lsn) -> None:
            captured()
            load(lsn)

        load()
        report = verify_tables(
            source,
            destination,
            bring,
            spool=loader.home,
            only=only,
            progress=progress,
            max_age_seconds=max_age_seconds,
            repair=Repair(destination, clocked=loader.clock is not None) if repair else None,
        )
        if repair:
            oids = {table.source: source_oid(table.oid) for table in destination.machinery.read_tables().values()}
            for table in report.tables:
                if table.wants_copy and table.source in oids:
                    want(loader.log / "copies", oids[table.source], "its rows differed from the source's")
            changes = loader.changes(destination)
            write_status(destination, loader.home, loader.log, changes.tables, changes.position)
        return report


def _is_behind(source: Source) -> bool:
    """Whether capture has so much to do that a snapshot would get old, and the warehouse be held, meanwhile."""
    with connect(source) as connection, limited(connection):
        slot = SlotNote.take(connection, source.slot)
    return slot is None or slot.source_lsn - slot.confirmed_lsn > _BEHIND_BYTES
