"""A loader that a reader watches: `python watched_loader.py`, settings as for `flux load --follow`.

Beside the loader a thread looks at the warehouse all the time, each time in one transaction of its own. The first state
that breaks a law of the bank ends the process with code 7 and the law's name; a reader that cannot look any more ends
it with code 8. Ends with code 0 on SIGTERM.
"""

import os
import sys
import threading
import traceback

import duckdb
import psycopg

from ingestion.warehouse.duckdb.connection import connect
from ingestion.warehouse.duckdb.session import DuckdbSession
from ingestion.warehouse.postgres.session import PostgresSession
from ingestion.warehouse.session import Session
from orchestration.cli.stopping import stop_on_signals
from orchestration.settings import Settings
from orchestration.walk import loading
from tests.crash.bank import broken_laws

BROKEN, BLIND = 7, 8


def reader(settings: Settings) -> Session:
    """A session beside the loader's: DuckDB gives one in this process alone, Postgres to whoever asks."""
    if not settings.has_postgres_warehouse:
        return DuckdbSession(connect(settings.warehouse_path))
    one_state = "-c default_transaction_isolation=repeatable\\ read"
    return PostgresSession(
        psycopg.connect(settings.warehouse, autocommit=True, options=one_state, cursor_factory=psycopg.RawCursor)
    )


def watch(settings: Settings, stop: threading.Event) -> None:
    try:
        look(settings, stop)
    except BaseException:
        traceback.print_exc()
        os._exit(BLIND)


def look(settings: Settings, stop: threading.Event) -> None:
    session: Session | None = None
    while not stop.wait(0.01):
        if session is None:
            if not settings.status_path.exists():
                continue
            session = reader(settings)
        try:
            broken = broken_laws(session)
        except duckdb.TransactionException:
            continue  # a table changed its shape between two of the questions
        if broken:
            print(f"a reader saw half a transaction: {broken}", flush=True)
            os._exit(BROKEN)
        (settings.home / "looks").open("a").write(".")


def main() -> None:
    settings = Settings.read()
    with stop_on_signals() as stop:
        watcher = threading.Thread(target=watch, args=(settings, stop), daemon=True)
        watcher.start()
        loading.loader(settings).follow(stop)
        watcher.join()
    sys.exit(0)


main()
