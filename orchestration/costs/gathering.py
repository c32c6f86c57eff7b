"""What a build notes of costs that the warehouse does not know: what logs tell of readers, how full the disk is.

Logs are added up by day, in DuckDB and not line by line. A log forgets its oldest lines, so that the same day may be
told with fewer readings later on; what is noted is the most that was told.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from dashboards.usage import Asked
from orchestration import line_log, query_log
from orchestration.costs import read_log
from orchestration.settings import Settings

RUNS: Final = pa.schema(
    {
        "ran_on": pa.date32(),
        "kind": pa.string(),
        "name": pa.string(),
        "subject": pa.string(),
        "run_count": pa.int64(),
        "failed_count": pa.int64(),
        "seconds": pa.float64(),
        "longest_seconds": pa.float64(),
        "row_count": pa.int64(),
        "scanned_bytes": pa.int64(),
    }
)
READS: Final = pa.schema(
    {
        "read_on": pa.date32(),
        "relation": pa.string(),
        "kind": pa.string(),
        "reader": pa.string(),
        "read_count": pa.int64(),
        "seconds": pa.float64(),
    }
)
DISK: Final = pa.schema(
    {
        "measured_at": pa.timestamp("us", tz="UTC"),
        "part": pa.string(),
        "used_bytes": pa.int64(),
        "capacity_bytes": pa.int64(),
    }
)
PERSON: Final = "person"
_LINES: Final = """
create table lines ("at" timestamptz, kind varchar, reader varchar, seconds double, relations varchar[]);
create table read (
    "at" timestamptz, kind varchar, "name" varchar, reader varchar, seconds double, answered boolean, "rows" bigint,
    bytes bigint, relations varchar[]
)
"""
_INSERT_ASKED: Final = """
insert into lines
select "at", 'person', "user", seconds, relations
from read_json($1, format = 'newline_delimited', ignore_errors = true, columns = {
    "at": 'timestamptz', "user": 'varchar', seconds: 'double', answered: 'boolean', relations: 'varchar[]'
})
where answered
"""
_INSERT_READ: Final = """
insert into read
select *
from read_json($1, format = 'newline_delimited', ignore_errors = true, columns = {
    "at": 'timestamptz', kind: 'varchar', "name": 'varchar', reader: 'varchar', seconds: 'double',
    answered: 'boolean', "rows": 'bigint', bytes: 'bigint', relations: 'varchar[]'
})
where kind is not null
"""
_RUNS: Final = """
select
    cast("at" as date) as ran_on, kind, "name", reader as subject, count(*) as run_count,
    count(*) filter (where not answered) as failed_count, sum(seconds) as seconds, max(seconds) as longest_seconds,
    arg_max("rows", "at") as row_count, cast(sum(bytes) as bigint) as scanned_bytes
from read
group by all
"""
_READS: Final = """
select
    cast("at" as date) as read_on, relation, kind, reader, count(*) as read_count, sum(seconds) as seconds
from (select "at", kind, reader, seconds, unnest(relations) as relation from lines)
group by all
"""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows for the tables of `ingestion.warehouse.cost_tables`."""

    runs: pa.Table
    reads: pa.Table
    disk: pa.Table


def gather(settings: Settings, elsewhere: Iterable[Asked] = (), now: datetime | None = None) -> Gathered:
    """Read the logs and measure the disk. `elsewhere` are queries that Metabase logged."""
    runs, reads = _logs(settings.logs_directory, list(elsewhere))
    at = (now or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
    parts = [(at, part, used, capacity) for part, used, capacity in _parts(settings)]
    return Gathered(runs, reads, _table(DISK, parts))


def _table(schema: pa.Schema, rows: Sequence[Sequence[object]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table([list(column) for column in columns], schema=schema)


def _logs(directory: Path, elsewhere: Sequence[Asked]) -> tuple[pa.Table, pa.Table]:
    """Add up the logs: runs of cards and training sets, and who read what."""
    queries = line_log.files(directory / query_log.NAME)
    reads = line_log.files(directory / read_log.NAME)
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": "false"}) as memory:
        memory.execute("set TimeZone = 'UTC'")
        memory.execute(_LINES)
        if queries:
            memory.execute(_INSERT_ASKED, [[str(path) for path in queries]])
        if reads:
            memory.execute(_INSERT_READ, [[str(path) for path in reads]])
        if any(one.answered for one in elsewhere):
            memory.executemany(
                f"insert into lines values (?, '{PERSON}', ?, ?, ?)",
                [[one.at, one.user, one.seconds, list(one.relations)] for one in elsewhere if one.answered],
            )
        memory.execute('insert into lines select "at", kind, reader, seconds, relations from read where answered')
        runs = memory.sql(_RUNS).to_arrow_table().cast(RUNS)
        return runs, memory.sql(_READS).to_arrow_table().cast(READS)


def _parts(settings: Settings) -> list[tuple[str, int, int | None]]:
    """Measure the disk of FLUX_HOME, and what lies there: (part, bytes, bytes that there can be)."""
    disk = shutil.disk_usage(settings.home)
    parts: list[tuple[str, int, int | None]] = [
        ("disk", disk.used, disk.used + disk.free),
        ("log", _bytes_below(settings.log_directory), None),
        ("published", _bytes_below(settings.published_path.parent), None),
        ("datasets", _bytes_below(settings.datasets_directory), None),
    ]
    if not settings.has_postgres_warehouse:
        parts.append(("warehouse", _file_bytes(settings.warehouse_path), None))
    return parts


def _file_bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in (path, path.with_name(f"{path.name}.wal")) if file.exists())


def _bytes_below(directory: Path) -> int:
    """Add up the files below a directory; one that goes meanwhile counts as none."""
    total = 0
    for place, _, names in os.walk(directory):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total
