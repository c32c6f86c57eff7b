"""A process that replicates until it is killed: `replicator.py URL SLOT HOME [WAREHOUSE]`. Says `ready` first."""

import sys
from pathlib import Path

from ingestion.load.loader import ChangeLoader
from ingestion.postgres.capture import Capture
from ingestion.postgres.source import Source
from tests.ingestion.warehouses import warehouse_at

url, slot, home = sys.argv[1], sys.argv[2], Path(sys.argv[3])
warehouse = warehouse_at(sys.argv[4] if len(sys.argv) > 4 else f"duckdb:///{home / 'warehouse.duckdb'}")
print("ready", flush=True)
while True:
    Capture(Source(url, slot=slot), home / "log").until_now()
    with warehouse.open() as destination:
        loader = ChangeLoader(destination, home / "log")
        while loader.step():
            pass
