"""Open the warehouse file. Whoever opens it for writing holds the lease (`ingestion.warehouse.lease`)."""

from pathlib import Path
from typing import Final

import duckdb

from ingestion.errors import WarehouseError

# Readers of the published copy may be as old as the DuckDB inside Metabase's driver (1.5.4); the live file keeps to the
# same storage so that it can be opened by hand too.
_STORAGE: Final = "v1.5.0"
# At the default of 16 MB a catch-up spends most of its time in checkpoints (measured 2026-11: 8.9 of 10.6 s).
_CHECKPOINT_THRESHOLD: Final = "512MB"
# Of DuckDB's own; by default it would take four fifths of the machine, which is not its alone. What does not fit goes
# to files beside the warehouse.
_MEMORY_LIMIT: Final = "2GB"


def connect(path: Path, *, memory_limit: str = _MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for writing. Raises WarehouseError when another process has it open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(str(path), config={"storage_compatibility_version": _STORAGE})
    except duckdb.IOException as error:
        raise WarehouseError(
            f"warehouse {str(path)!r} cannot be opened; another process may hold it (see warehouse.lock beside it): "
            "stop it, or read the published copy"
        ) from error
    settings = {"TimeZone": "UTC", "autoinstall_known_extensions": "false"}
    settings |= {"checkpoint_threshold": _CHECKPOINT_THRESHOLD, "memory_limit": memory_limit}
    for name, value in settings.items():
        connection.execute(f"set {name} = '{value}'")
    return connection
