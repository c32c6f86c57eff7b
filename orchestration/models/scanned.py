"""How many bytes each node of a dbt run scans, by DuckDB's own profile of each query. Postgres tells no such thing.

A scan of a table counts as the rows that were looked at times the bytes of a row of the columns it hands on, as they
are in memory: so what a column does not need, and what a filter lets the file skip, is not counted. Of a scan that
hands on no row the bytes are unknown, and it counts as none.

dbt asks its connection manager after each statement what came of it. There the profile is read, in the thread that
runs the node; `take` gives what that thread has scanned since it was asked last.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

# The profile is a tree of operators as JSON, at times of some 100 kB: these three stand in this order in those that
# scan a table, and nowhere else. Parsing it whole would take ten times as long.
_SCAN: Final = re.compile(
    r'"intermediate_rows": (\d+),\s*"intermediate_size_bytes": (\d+),\s*'
    r'"row_groups_scanned": \d+,\s*"rows_scanned": (\d+)'
)
_threads = threading.local()


def scanned_bytes(profile: str) -> int:
    """Add up the scans of one query's profile."""
    return sum(int(scanned) * int(size) // int(rows) for rows, size, scanned in _SCAN.findall(profile) if rows != "0")


def take() -> int | None:
    """Give what this thread scanned since it was asked last; None where no query of it had a profile."""
    found: int | None = getattr(_threads, "bytes", None)
    _threads.bytes = None
    return found


@contextmanager
def counted(adapter: str) -> Iterator[None]:
    """Count while dbt runs in this process. Nothing is counted where the engine tells nothing."""
    if adapter != "duckdb":
        yield
        return
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    manager: Any = DuckDBConnectionManager  # Any: it is changed for as long as the run lasts
    before = manager.get_response

    def get_response(cursor: Any) -> Any:
        profile = cursor.get_profiling_information("json")
        if '"operator"' in profile:  # the statement before may be one that has none
            _threads.bytes = (getattr(_threads, "bytes", None) or 0) + scanned_bytes(profile)
        return before(cursor)

    manager.get_response = staticmethod(get_response)
    try:
        yield
    finally:
        manager.get_response = before
