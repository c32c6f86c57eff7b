"""Publish a warehouse of 2 GB, beside a copy of its file that is as durable. Both read from a warm cache."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.measure import Meter
from benchmarks.process import Child
from ingestion.warehouse.duckdb.connection import connect

PUBLISH: Final = Figure(
    "publish", "publish a warehouse of 2 GB", "s", "a file copy, brought to disk (fsync)", Goal("ratio", "<=", 2.0)
)
FIGURES: Final = (PUBLISH,)
_BYTES: Final = 2 << 30
_CHUNK: Final = 500_000
_COPY_BYTES: Final = 16 << 20
# The table of the other benchmarks, as it lands.
_ROWS: Final = """
select id, md5(id::varchar)::uuid as token, 'name ' || id % 100000 as name,
    left(repeat(md5((id * 7)::varchar), 7), 180 + (id % 40)) as about, (id % 1000003)::int as quantity,
    ((id % 10000019) / 100)::decimal(12, 2) as price, id % 3 = 0 as active,
    timestamptz '2026-01-01 00:00:00+00' + to_seconds(id) as seen_at,
    '{"kind": ' || id % 17 || ', "code": "' || md5((id * 3)::varchar) || '"}' as details,
    case when id % 40 <> 0 then '{"tag ' || id % 10 || '",of,' || md5(id::varchar) || '}' end as tags
from range(?::bigint, ?::bigint) as ids (id)
"""


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure the only one."""
    home = bench.directory / "publishing"
    warehouse = home / "warehouse.duckdb"
    bench.say("making a warehouse")
    rows = _fill(warehouse, int(_BYTES * bench.scale))
    for _ in range(bench.rounds):
        written, durable = _copy(warehouse, home / "copy.duckdb")
        log = home / "publish.log"
        with Child("publish", {"FLUX_HOME": str(home)}, log) as child, Meter({"publish": child.pid}) as meter:
            began = time.monotonic()
            child.go()
            child.finish()
            seconds = time.monotonic() - began
        published = home / "published" / "warehouse.duckdb"
        more = {
            "rows": rows,
            "warehouse_mb": round(warehouse.stat().st_size / 2**20),
            "published_mb": round(published.stat().st_size / 2**20),
            "copy_without_fsync_seconds": round(written, 2),
        }
        bench.record(PUBLISH, Reading(seconds, durable, meter.cpu_seconds, meter.peak_rss_mb, more))


def _fill(warehouse: Path, size: int) -> int:
    """Write rows, as the loader's connection stores them, until the file is so large."""
    rows = 0
    while rows == 0 or warehouse.stat().st_size < size:
        connection = connect(warehouse)
        try:
            if rows == 0:
                connection.execute(f"create schema raw_app; create table raw_app.wide as {_ROWS} limit 0", [0, 0])
            connection.execute(f"insert into raw_app.wide {_ROWS}", [rows, rows + min(_CHUNK, size // 200)])
            connection.execute("checkpoint")
        finally:
            connection.close()
        rows += min(_CHUNK, size // 200)
    return rows


def _copy(source: Path, target: Path) -> tuple[float, float]:
    """Copy a file; seconds until it is written, and until it is on disk."""
    target.unlink(missing_ok=True)
    began = time.monotonic()
    with source.open("rb") as reader, target.open("wb") as writer:
        while os.sendfile(writer.fileno(), reader.fileno(), None, _COPY_BYTES):
            pass
        written = time.monotonic() - began
        os.fsync(writer.fileno())
    return written, time.monotonic() - began
