"""Open the warehouse file. Whoever opens it for writing holds the lease (`ingestion.warehouse.lease`).

It holds what is restricted, so it is its owner's alone, whatever the umask: 0600, as is the log that DuckDB writes
beside it, and 0700 for what does not fit into memory. DuckDB makes its files by the umask, but takes a log and a
directory that are there already (seen with 2.0.0).
"""

import os
from pathlib import Path
from typing import Final

import duckdb

from ingestion.errors import WarehouseError
from ingestion.warehouse.duckdb.limits import MEMORY_BYTES
from ingestion.warehouse.names import quote

# Readers of the published copy may be as old as the DuckDB inside Metabase's driver (1.5.4); the live file keeps to the
# same storage so that it can be opened by hand too.
_STORAGE: Final = "v1.5.0"
# At the default of 16 MB a catch-up spends most of its time in checkpoints (measured 2026-11: 8.9 of 10.6 s).
_CHECKPOINT_THRESHOLD: Final = "512MB"
ROW_GROUP: Final = 122_880
_TAKEN: Final = ("memory", "system", "temp")
# It halves the size of strings, and costs two thirds of an insert's CPU (measured 2026-11: 300,000 rows of 12 columns
# 1.58 s and 66 MB with it, 0.47 s and 113 MB without) and four times the CPU of a scan.
UNUSED_COMPRESSION: Final = "dict_fsst"


def connect(path: Path, *, memory_bytes: int = MEMORY_BYTES) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for writing. Raises WarehouseError when another process has it open.

    Connections of one process share it. Their cursors begin in no file's catalog: this one's is the connection's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Attached, not opened: only so its row groups can be of another size (`attach_again`).
    connection = duckdb.connect(
        f":memory:{path.absolute()}",
        config={"autoinstall_known_extensions": "false", "temp_directory": str(spill(path))},
    )
    name = quote(path.stem if path.stem not in _TAKEN else f"{path.stem}_")
    try:
        _attach(connection, path, name, ROW_GROUP)
    except WarehouseError:
        connection.close()
        raise
    path.chmod(0o600)
    spill(path).mkdir(mode=0o700, exist_ok=True)
    spill(path).chmod(0o700)
    settings = {"TimeZone": "UTC", "checkpoint_threshold": _CHECKPOINT_THRESHOLD, "memory_limit": f"{memory_bytes}B"}
    settings |= {"disabled_compression_methods": UNUSED_COMPRESSION}
    for setting, value in settings.items():
        connection.execute(f"set {setting} = '{value}'")
    connection.execute(f"use {name}")
    return connection


def attach_again(connection: duckdb.DuckDBPyConnection, path: Path, row_group: int) -> None:
    """Let new row groups be of so many rows. Between transactions; writes a checkpoint, and frees what is cached.

    Raises WarehouseError when another process takes the file meanwhile; the connection is of no use then.
    """
    ((name,),) = connection.execute("select current_database()").fetchall()
    connection.execute(f"use memory; detach {quote(name)}")
    _attach(connection, path, quote(name), row_group)
    connection.execute(f"use {quote(name)}")


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str, row_group: int) -> None:
    try:
        connection.execute(
            f"attach if not exists '{str(path).replace(chr(39), chr(39) * 2)}' as {name} "
            f"(storage_version '{_STORAGE}', row_group_size {row_group})"
        )
    except (duckdb.IOException, duckdb.ResourceInUseException) as error:
        raise WarehouseError(
            f"warehouse {str(path)!r} cannot be opened; another process may hold it (see warehouse.lock beside it): "
            "stop it, or read the published copy"
        ) from error


def wal(path: Path) -> Path:
    """DuckDB's own log of a file."""
    return path.with_name(path.name + ".wal")


def spill(path: Path) -> Path:
    """Where DuckDB puts what does not fit into memory."""
    return path.with_name(path.name + ".tmp")


def make_wal_private(path: Path) -> None:
    """See to the log of an open file, before it is written to: each checkpoint removes it, the next write makes it."""
    descriptor = os.open(wal(path), os.O_RDONLY | os.O_CREAT, 0o600)
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)
