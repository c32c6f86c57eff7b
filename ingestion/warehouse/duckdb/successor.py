"""A warehouse file that takes another one's place: what it takes over from it, and how it comes into its place.

At every moment the place holds a whole warehouse: the old file gets a second name, then the new one takes the first by
a rename. A process that is killed leaves the old one.
"""

import contextlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from ingestion.durable import sync
from ingestion.errors import WarehouseError
from ingestion.failpoints import reach
from ingestion.warehouse.cost_tables import KEPT_DAYS
from ingestion.warehouse.duckdb.connection import connect, spill, wal
from ingestion.warehouse.events import CONSUMER, EVENT_SCHEMA
from ingestion.warehouse.names import quote

_OLD: Final = "flux_before"
_EVENT_TABLES: Final = ("segments", "event_ids", "event_names", "tracking_plans")


def beside(live: Path) -> Path:
    """The file that is to take the place; what a killed process left of one is removed."""
    new = live.with_name(f".{live.name}.replay")
    for path in (new, wal(new)):
        path.unlink(missing_ok=True)
    shutil.rmtree(spill(new), ignore_errors=True)
    for name in live.parent.glob(f"{live.stem}.before-*"):
        if live.exists() and name.samefile(live):  # the second name of a file that was not replaced after all
            name.unlink()
    return new


def settle(live: Path) -> bool:
    """Let a file hold all of itself, and none of it stand in its log; False when it cannot be opened."""
    if not live.exists():
        return False
    try:
        with contextlib.closing(connect(live)) as connection:
            connection.execute("force checkpoint")
    except (duckdb.Error, WarehouseError):
        return False
    return True


def take_over(new: duckdb.DuckDBPyConnection, old: Path, *, events: bool) -> None:
    """Take over what no log holds: cuts, costs, and with `events` the tables of events and how far they are loaded.

    `_flux` is there in the new file, and empty of these.
    """
    new.execute(f"attach '{str(old).replace(chr(39), chr(39) * 2)}' as {_OLD} (read_only)")
    try:
        new.execute("begin")
        for name in ("cuts", *KEPT_DAYS):
            _fill(new, name, "true")
        if events:
            for name in _EVENT_TABLES:
                _fill(new, name, "true")
            for name in ("positions", "quarantine"):
                _fill(new, name, f"consumer = '{CONSUMER}'")
            for schema, name in new.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = $1 "
                f"and (schema_name = '{EVENT_SCHEMA}' or starts_with(schema_name, '{EVENT_SCHEMA}__'))",
                [_OLD],
            ).fetchall():
                new.execute(f"create schema if not exists {quote(schema)}")
                new.execute(f"create table {quote(schema)}.{quote(name)} as from {_OLD}.{quote(schema)}.{quote(name)}")
        new.execute("commit")
    finally:
        with contextlib.suppress(duckdb.Error):
            new.execute("rollback")
        new.execute(f"detach {_OLD}")


def _fill(new: duckdb.DuckDBPyConnection, name: str, which: str) -> None:
    there = new.execute(
        "select count(*) from duckdb_tables() where database_name = $1 and schema_name = '_flux' and table_name = $2",
        [_OLD, name],
    ).fetchall()
    if there[0][0]:
        new.execute(f"insert into _flux.{name} by name from {_OLD}._flux.{name} where {which}")


def put_in_place(new: Path, live: Path) -> Path | None:
    """Give a closed file the place; return where the old one is now (None: there was none). Both are settled."""
    sync(new)
    shutil.rmtree(spill(new), ignore_errors=True)
    aside = None
    if live.exists():
        aside = live.with_name(f"{live.stem}.before-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}{live.suffix}")
        if wal(live).exists():  # of one that could not be opened; it must not be taken for the new one's
            wal(live).rename(wal(aside))
        os.link(live, aside)
    reach("replay.before_swap")
    new.replace(live)
    sync(live.parent)
    reach("replay.after_swap")
    return aside
