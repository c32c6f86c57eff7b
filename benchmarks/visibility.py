"""When a second connection of the process that owns the warehouse sees what was committed."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

from ingestion.warehouse.duckdb.connection import connect

POLL_SECONDS: Final = 0.002


def look_on(warehouse: Path, stop: threading.Event, seen: Path) -> None:
    """Ask for the newest tick every 2 ms until `stop`; write a line "monotonic ns, tick" whenever it moved.

    A connection of its own beside the loader's: DuckDB gives both the one instance that holds the file.
    """
    found: list[str] = []
    newest = -1
    connection = connect(warehouse)
    try:
        while not stop.wait(POLL_SECONDS):
            row = connection.execute("select n from raw_app.tick").fetchone()
            now = time.monotonic_ns()
            if row is not None and row[0] != newest:
                newest = row[0]
                found.append(f"{now} {newest}\n")
    finally:
        connection.close()
    seen.write_text("".join(found))
