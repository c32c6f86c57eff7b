"""A process that replicates until it is killed: `replicator.py URL SLOT HOME [WAREHOUSE [PART_BYTES [PER_SECOND]]]`.

Says `ready` when it begins, and `part` when a part of a copy is whole, or a table. WAREHOUSE `-` is a DuckDB in HOME.
"""

import sys
from pathlib import Path

from ingestion.load.loader import ChangeLoader
from ingestion.postgres.capture import Capture
from ingestion.postgres.copy_rows import PART_BYTES
from ingestion.postgres.source import Source
from tests.ingestion.warehouses import warehouse_at

url, slot, home, *more = sys.argv[1], sys.argv[2], Path(sys.argv[3]), *sys.argv[4:]
warehouse = warehouse_at(more[0] if more and more[0] != "-" else f"duckdb:///{home / 'warehouse.duckdb'}")
part_bytes = int(more[1]) if len(more) > 1 else PART_BYTES
source = Source(url, slot=slot, copy_bytes_per_second=int(more[2]) if len(more) > 2 else None)
print("ready", flush=True)
while True:
    capture = Capture(source, home / "log", part_bytes=part_bytes)
    capture.until_now(progress=lambda table, size, done: print("part", flush=True))
    with warehouse.open() as destination:
        loader = ChangeLoader(destination, home / "log")
        while loader.step():
            pass
