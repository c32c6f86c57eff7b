"""A process that replicates until it is killed: `python replicator.py URL SLOT HOME`. Says `ready` when it begins."""

import sys
from pathlib import Path

from ingestion.load.loader import ChangeLoader
from ingestion.postgres.capture import Capture
from ingestion.postgres.source import Source
from ingestion.warehouse.duckdb.connection import connect
from ingestion.warehouse.duckdb.destination import DuckdbDestination

url, slot, home = sys.argv[1], sys.argv[2], Path(sys.argv[3])
print("ready", flush=True)
while True:
    Capture(Source(url, slot=slot), home / "log").until_now()
    warehouse = connect(home / "warehouse.duckdb")
    loader = ChangeLoader(DuckdbDestination(warehouse), home / "log")
    while loader.step():
        pass
    warehouse.close()
