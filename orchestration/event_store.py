"""Make Dagster's SQLite storage quick for a run in this process.

Dagster makes an engine and a connection for each event and throws both away: every statement is compiled again, and
closing a file's last connection makes SQLite checkpoint its log and sync the disk. At 590 events that took 18 of the
38 s of a demo's models step (measured 2026-11). Within the block engines are kept, so is one idle connection a file,
and synchronous is NORMAL, which in WAL mode cannot corrupt the file and may lose the last events when the power goes
(sqlite.org/pragma.html, sqlite.org/wal.html). Drop this when Dagster keeps its engines.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from unittest import mock

import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite import sqlite_event_log


@contextmanager
def quick_storage() -> Iterator[None]:
    """Within the block Dagster's event files stay open, and are synced at checkpoints only."""
    with ExitStack() as stack:
        held: set[str] = set()

        def opened(connection: sqlite3.Connection, record: object) -> None:
            connection.execute("pragma synchronous = normal")
            path = str(connection.execute("pragma database_list").fetchone()[2])
            if path and path not in held:
                held.add(path)
                kept = stack.enter_context(closing(sqlite3.connect(path, check_same_thread=False)))
                kept.execute("select count(*) from sqlite_master").fetchone()

        @functools.cache
        def engine(url: str) -> sa.Engine:
            # As Dagster makes it, to the letter: no pool, half a minute of patience.
            made = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"timeout": 30})
            sa.event.listen(made, "connect", opened)
            return made

        def create_engine(url: str, **options: object) -> sa.Engine:
            return engine(url)

        stack.enter_context(mock.patch.object(sqlite_event_log, "create_engine", create_engine))
        yield
