"""A loader that a reader watches: `python watched_loader.py`, settings as for `flux load --follow`.

Beside the loader a thread looks at the warehouse all the time, each time in one transaction of its own. The first state
that breaks a law of the bank ends the process with code 7 and the law's name. Ends with code 0 on SIGTERM, when it has
looked at least once.
"""

import os
import sys
import threading

import duckdb

from ingestion.warehouse.duckdb.connection import connect
from orchestration.cli.stopping import stop_on_signals
from orchestration.settings import Settings
from orchestration.walk import loading
from tests.crash.bank import broken_laws

BROKEN = 7


def watch(settings: Settings, stop: threading.Event) -> None:
    connection: duckdb.DuckDBPyConnection | None = None
    while not stop.wait(0.01):
        if connection is None:
            if not settings.status_path.exists():
                continue
            connection = connect(settings.warehouse_path)
        try:
            broken = broken_laws(connection)
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
