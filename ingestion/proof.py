"""Prove the warehouse: own it, bring it to where the source is read, compare."""

from collections.abc import Callable, Collection

from ingestion.load.service import Loader
from ingestion.load.status import write_status
from ingestion.postgres.capture import Capture
from ingestion.postgres.pgoutput.lsn import Lsn
from ingestion.postgres.source import Source
from ingestion.verify import TableComparison, VerifyReport, verify_tables
from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.lease import Holder, lease


def prove(
    source: Source,
    loader: Loader,
    *,
    capture: Callable[[], object] | None = None,
    only: Collection[str] | None = None,
    progress: Callable[[TableComparison], None] | None = None,
    on_wait: Callable[[Holder | None], None] | None = None,
) -> VerifyReport:
    """Compare every replicated table (`only`: these sources, `schema.table`) at one position, on a live system.

    `capture` returns when the log holds everything committed before it was called (None: capture here; then nobody
    else may). Waits for the lease and holds it throughout. Raises VerifyError, SourceError, WarehouseError.
    """
    with (
        lease(loader.home, "verify", on_wait=on_wait),
        open_warehouse(loader.url, memory_bytes=loader.memory_bytes) as destination,
    ):
        changes = loader.changes(destination)

        def bring(lsn: Lsn) -> None:
            (capture or Capture(source, loader.log).until_now)()
            changes.drain(until=lsn)
            write_status(destination, loader.home, loader.log, changes.tables, changes.position)

        return verify_tables(source, destination, bring, spool=loader.home, only=only, progress=progress)
