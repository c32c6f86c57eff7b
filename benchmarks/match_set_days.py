"""The match set brought up to date by one day beside its full build, and made of histories that are deep.

A day: what the last day of the multiplied demo brought is set aside, the set is built, what was set aside comes back as
the loader would bring it, and the set is brought up to date. Events are of the day on which they happened, since the
stand-in's clock counts them as known then, and all of its half a year arrives within a minute. Depth: twenty rows of
each history that features are looked up in get a hundred thousand versions each, spread over all commits, in a home of
its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.bench import Bench
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.match_set_process import TABLE
from benchmarks.match_sets import count, multiplied_home, run_step

REFRESH: Final = Figure(
    "match_set_refresh", "the whole match set brought up to date by one day of half a year", "s", "its full build",
    Goal("ratio", "<=", 0.25),
)  # fmt: skip
DEEP: Final = Figure(
    "match_set_deep", "the whole match set of histories with 20 rows of 100 k versions each", "s",
    "the same without them", Goal("value", "<=", 300),
)  # fmt: skip
DEEP_MEMORY: Final = Figure(
    "match_set_deep_memory", "peak resident memory of the process that builds it", "MB", "without them",
    Goal("value", "<=", 4096),
)  # fmt: skip
FIGURES: Final = (REFRESH, DEEP, DEEP_MEMORY)
VERSIONS: Final = 100_000
ROWS: Final = 20
# Histories that rows of the set are looked up in, with their keys.
LOOKED_UP: Final = {
    "members": ("id",),
    "opportunities": ("id",),
    "job_architecture": ("id",),
    "member_skills": ("id",),
    "opportunity_skills": ("opportunity_id", "skill_id"),
}


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure what is wanted."""
    home = multiplied_home(bench)
    warehouse = home / "warehouse.duckdb"
    for number in range(bench.rounds if REFRESH.name in wanted else 0):
        with duckdb.connect(str(warehouse)) as connection:
            aside = set_aside(connection)
        full = run_step(home, "build")
        before = count(warehouse, f"ml.{TABLE}")
        nothing = run_step(home, "build", "--refresh")
        with duckdb.connect(str(warehouse)) as connection:
            bring_back(connection, aside, number)
        grown = run_step(home, "build", "--refresh")
        rows = count(warehouse, f"ml.{TABLE}")
        more = {
            "spine_rows": rows,
            "new_rows": rows - before,
            "requests_told": count(warehouse, "intermediate.int_match_requests"),
            "requests": count(warehouse, "raw_app_history.recommendation_requests"),
            "seconds_with_nothing_new": round(nothing["seconds"], 2),
            "slowest": dict(sorted(grown["nodes"].items(), key=lambda node: -node[1])[:8]),
        }
        cpu = {"refresh": grown["cpu_seconds"], "full": full["cpu_seconds"], "nothing": nothing["cpu_seconds"]}
        peaks = {"refresh": grown["peak_rss_mb"], "full": full["peak_rss_mb"]}
        bench.record(REFRESH, Reading(grown["seconds"], full["seconds"], cpu, peaks, more))
    if {DEEP.name, DEEP_MEMORY.name}.intersection(wanted):
        home = deep_home(bench, home)
        warehouse = home / "warehouse.duckdb"
        flat = run_step(home, "build")
        with duckdb.connect(str(warehouse)) as connection:
            versions = deepen(connection, bench.rows(VERSIONS))
        deep = run_step(home, "build")
        more = {"versions_more": versions, "spine_rows": count(warehouse, f"ml.{TABLE}")}
        more |= {"slowest": dict(sorted(deep["nodes"].items(), key=lambda node: -node[1])[:8])}
        cpu = {"deep": deep["cpu_seconds"], "floor": flat["cpu_seconds"]}
        if DEEP.name in wanted:
            bench.record(DEEP, Reading(deep["seconds"], flat["seconds"], cpu, more=more))
        if DEEP_MEMORY.name in wanted:
            bench.record(DEEP_MEMORY, Reading(deep["peak_rss_mb"], flat["peak_rss_mb"]))


def deep_home(bench: Bench, home: Path) -> Path:
    """Copy the home without its datasets: the histories of this one become deep."""
    deep = bench.directory / "match_set_deep"
    shutil.rmtree(deep, ignore_errors=True)
    return shutil.copytree(home, deep, ignore=shutil.ignore_patterns("datasets_*", "*.tmp"))


def set_aside(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Take what came on the last day of requests out of histories, events and clock; return the relations."""
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("create schema if not exists aside")
    [(day,)] = connection.execute(
        "select date_trunc('day', max(requested_at)) from raw_app_history.recommendation_requests"
    ).fetchall()
    found = connection.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns() where"
        " (schema_name, column_name) in (('raw_app_history', '_commit_at'), ('raw_segment', 'timestamp'))"
        " or (schema_name, table_name, column_name) = ('_flux', 'clock', 'clock_at')"
    ).fetchall()
    for relation, moment in found:
        kept = f'aside."{relation}"'
        connection.execute(f'create or replace table {kept} as select * from {relation} where "{moment}" >= ?', [day])
        connection.execute(f'delete from {relation} where "{moment}" >= ?', [day])
    _cut(connection)
    return [relation for relation, _ in found]


def bring_back(connection: duckdb.DuckDBPyConnection, relations: list[str], number: int) -> None:
    """Let what was set aside come now: events are loaded behind all others."""
    connection.execute("set TimeZone = 'UTC'")
    for relation in relations:
        columns = f'aside."{relation}"'
        if relation.startswith("raw_segment."):
            newest = f"(select coalesce(max(uuid_ts), now()) from {relation})"
            query = f"select * replace ({newest} + interval 1 second as uuid_ts)"
        else:
            query = "select *"
        connection.execute(f"insert into {relation} {query} from {columns}")
    connection.execute("drop schema aside cascade")
    _cut(connection)


def deepen(connection: duckdb.DuckDBPyConnection, versions: int) -> int:
    """Give some rows of each history so many versions more, equal but for their places; return how many these are."""
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(
        "create or replace temp table places as select _epoch, _lsn, clock_at,"
        " row_number() over (order by _epoch, _lsn) - 1 as place from _flux.clock"
    )
    for table, key in LOOKED_UP.items():
        history = f"raw_app_history.{table}"
        keys = ", ".join(key)
        connection.execute(
            f"""insert into {history}
            select rows.* replace (
                'update' as _op,
                places._epoch as _epoch,
                places._lsn as _lsn,
                1000000 + i as _seq,
                places.clock_at as _commit_at
            )
            from (
                select * from {history} where _op in ('insert', 'snapshot', 'update')
                qualify row_number() over (partition by {keys} order by _epoch, _lsn, _seq) = 1
                order by {keys} limit {ROWS}
            ) as rows
            cross join range({versions}) as numbers (i)
            inner join places on places.place = i % (select count(*) from places)"""
        )
    return versions * ROWS * len(LOOKED_UP)


def _cut(connection: duckdb.DuckDBPyConnection) -> None:
    """Record a cut behind the newest commit."""
    connection.execute(
        """insert into _flux.cuts by name
        select newest.* replace (newest.cut_id + 1 as cut_id, last.clock_at as clock_at, last.commit_at as commit_at,
            last._epoch as epoch, last._lsn as lsn)
        from (select * from _flux.cuts order by cut_id desc limit 1) as newest
        cross join (select * from _flux.clock order by _epoch desc, _lsn desc limit 1) as last"""
    )
