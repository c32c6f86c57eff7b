"""Open the warehouse file. Whoever opens it for writing holds the lease (`ingestion.warehouse.lease`)."""

from pathlib import Path
from typing import Final

import duckdb

from ingestion.errors import WarehouseError
from ingestion.warehouse.duckdb.limits import MEMORY_BYTES

# Readers of the published copy may be as old as the DuckDB inside Metabase's driver (1.5.4); the live file keeps to the
# same storage so that it can be opened by hand too.
_STORAGE: Final = "v1.5.0"
# At the default of 16 MB a catch-up spends most of its time in checkpoints (measured 2026-11: 8.9 of 10.6 s).
_CHECKPOINT_THRESHOLD: Final = "512MB"
# It halves the size of strings, and costs two thirds of an insert's CPU (measured 2026-11: 300,000 rows of 12 columns
# 1.58 s and 66 MB with it, 0.47 s and 113 MB without) and four times the CPU of a scan.
UNUSED_COMPRESSION: Final = "dict_fsst"


def connect(path: Path, *, memory_bytes: int = MEMORY_BYTES) -> duckdb.DuckDBPyConnection:
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
    settings |= {"checkpoint_threshold": _CHECKPOINT_THRESHOLD, "memory_limit": f"{memory_bytes}B"}
    settings |= {"disabled_compression_methods": UNUSED_COMPRESSION}
    for name, value in settings.items():
        connection.execute(f"set {name} = '{value}'")
    return connection
