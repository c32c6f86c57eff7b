"""Three questions of analysts, 200 lines each, asked of a published warehouse for the first time in a new connection.

A connection opens the file anew, so DuckDB holds nothing of it. The operating system's cache holds what the question
reads, which was asked right before; how long it takes when the cache holds nothing of the file stands beside it. The
floor scans the columns that the question's plan scans, of the rows that it asks for, and keeps their greatest.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks import published_shape
from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.measure import Meter

SQL: Final = Path(__file__).parent / "queries"
_FLOOR: Final = "scanning the same columns"
REPORTS: Final = Figure(
    "query_reports", "a question over six reports, first run in a new connection", "ms", _FLOOR,
    Goal("value", "<=", 300),
)  # fmt: skip
PLANNING: Final = Figure("query_planning", "planning of that question", "ms", "none", Goal("value", "<=", 30))
CLIENT: Final = Figure(
    "query_client", "a question at impression grain, the largest client's 26 weeks, first run in a new connection", "s",
    _FLOOR, Goal("ratio", "<=", 3),
)  # fmt: skip
CLIENTS: Final = Figure(
    "query_clients", "a question at impression grain, all clients and weeks, first run in a new connection", "s",
    _FLOOR, Goal("ratio", "<=", 3),
)  # fmt: skip
FIGURES: Final = (REPORTS, PLANNING, CLIENT, CLIENTS)

_IMPRESSIONS: Final = 100_000_000
_THREADS: Final = 2
_VARIABLES: Final = {"client_id": "1", "first_week_on": "date '2026-05-04'"}
_WEEKS: Final = "week_starts_on >= getvariable('first_week_on') and "
_WEEKS_END: Final = "week_starts_on < getvariable('first_week_on') + 182"
_OF_CLIENT: Final = "client_id = getvariable('client_id')"


@dataclass(frozen=True, slots=True)
class Question:
    """A query, and the conditions on the tables that it reads, so that the floor scans the same rows."""

    file: str
    rows: Mapping[str, str] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """The query's text."""
        return (SQL / self.file).read_text(encoding="utf-8")


QUESTIONS: Final = {
    REPORTS: Question("clients_to_call.sql"),
    CLIENT: Question(
        "what_people_see.sql",
        {
            "fct_impressions": f"{_OF_CLIENT} and {_WEEKS}{_WEEKS_END} and is_click_mature",
            "fct_applications": f"{_OF_CLIENT} and applied_{_WEEKS}applied_{_WEEKS_END}",
            "dim_member": f"{_OF_CLIENT} and is_current",
            "dim_opportunity": f"{_OF_CLIENT} and is_current",
        },
    ),
    CLIENTS: Question(
        "versions_compared.sql",
        {
            "fct_impressions": "is_click_mature",
            "dim_member": "is_current and is_employed",
            "dim_opportunity": "is_current",
        },
    ),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One asking in a new connection."""

    seconds: float
    opened_seconds: float
    rows: int
    meter: Meter


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Write the warehouse, then ask what is wanted."""
    published = published_shape.write(
        bench.directory / "published" / "warehouse.duckdb",
        bench.rows(_IMPRESSIONS),
        clients=max(round(published_shape.CLIENTS * bench.scale**0.5), 10),
        say=bench.say,
    )
    ask_all(bench, wanted, published)


def ask_all(bench: Bench, wanted: Collection[str], published: published_shape.Published) -> None:
    """Ask what is wanted of a warehouse that is there."""
    facts = {
        "generator": "benchmarks/published_shape.py",
        "generated_in_seconds": round(published.seconds),
        "file_mb": published.megabytes,
        "rows": published.rows,
    }
    for figure, question in QUESTIONS.items():
        names = {figure.name, *([PLANNING.name] if figure is REPORTS else [])}
        if not names.intersection(wanted):
            continue
        plan = plan_of(published.path, question.sql)
        floor_sql = scan_of(plan, question)
        for number in range(bench.rounds):
            more = {} if number else facts | {"plan": plan}
            _round(bench, wanted, published.path, figure, question, floor_sql, more)


def _round(
    bench: Bench,
    wanted: Collection[str],
    path: Path,
    figure: Figure,
    question: Question,
    floor_sql: str,
    more: Mapping[str, Any],
) -> None:
    forget(path)
    cold = ask(path, question.sql)
    floor = ask(path, floor_sql)
    asked = ask(path, question.sql)
    planned = ask(path, f"prepare planned as {question.sql}")
    unit = 1000 if figure.unit == "ms" else 1
    beside = {
        "result_rows": asked.rows,
        "open_ms": round(1000 * asked.opened_seconds, 1),
        "planning_ms": round(1000 * planned.seconds, 1),
        "with_nothing_in_the_cache": float(f"{unit * cold.seconds:.4g}"),
        "threads": _THREADS,
    }
    if figure.name in wanted:
        reading = Reading(
            unit * asked.seconds,
            unit * floor.seconds,
            {"query": asked.meter.cpu_seconds["query"], "floor": floor.meter.cpu_seconds["query"]},
            asked.meter.peak_rss_mb,
            beside | dict(more),
        )
        bench.record(figure, reading)
    if figure is REPORTS and PLANNING.name in wanted:
        bench.record(PLANNING, Reading(1000 * planned.seconds, None, planned.meter.cpu_seconds))


def ask(path: Path, sql: str, variables: Mapping[str, str] = _VARIABLES) -> Asked:
    """Ask in a new connection, and fetch the whole answer."""
    began = time.perf_counter()
    with duckdb.connect(str(path), read_only=True, config={"threads": _THREADS}) as connection:
        opened = time.perf_counter() - began
        connection.execute("set TimeZone = 'UTC'")
        for name, value in variables.items():
            connection.execute(f"set variable {name} = {value}")
        with Meter({"query": os.getpid()}) as meter:
            began = time.perf_counter()
            rows = len(connection.execute(sql).fetchall())
            seconds = time.perf_counter() - began
    return Asked(seconds, opened, rows, meter)


def plan_of(path: Path, sql: str, variables: Mapping[str, str] = _VARIABLES) -> list[dict[str, Any]]:
    """Give each scan of the query as it ran: table, columns, rows that the planner expected, rows that came out."""
    with duckdb.connect(str(path), read_only=True, config={"threads": _THREADS}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, value in variables.items():
            connection.execute(f"set variable {name} = {value}")
        row = connection.execute(f"explain (analyze, format json) {sql}").fetchone()
    assert row is not None
    return [scan for operator in json.loads(row[1])["operator"] for scan in _scans(operator)]


def scan_of(plan: Collection[Mapping[str, Any]], question: Question) -> str:
    """Write the floor: of each table the greatest value of each column that the plan scans, as one answer."""
    columns: dict[str, set[str]] = {}
    for scan in plan:
        columns.setdefault(scan["table"], set()).update(scan["columns"])
    if missing := set(question.rows) - {table.rpartition(".")[2] for table in columns}:
        raise BenchError(f"{question.file} does not read {sorted(missing)}, whose rows its floor is to scan")
    parts = []
    for table, names in columns.items():
        condition = question.rows.get(table.rpartition(".")[2])
        greatest = ", ".join(f"max({name})" for name in sorted(names)) or "count(*)"
        # DuckDB knows the greatest value of a whole table without a scan, but not of rows with some number.
        parts.append(f"(select row({greatest})::varchar from {table} where {condition or 'rowid >= 0'})")
    return f"select {', '.join(parts)}"


def forget(path: Path) -> None:
    """Let the operating system's cache drop the file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _scans(node: Mapping[str, Any]) -> Iterator[dict[str, Any]]:  # Any: DuckDB's plan is a document of its own
    if node["type"] == "TABLE_SCAN":
        extra = node["extra_info"]
        listed = extra.get("Projections", [])
        yield {
            "table": extra["Table"].partition(".")[2],
            "columns": [listed] if isinstance(listed, str) else list(listed),
            "rows_expected": int(extra["Estimated Cardinality"]),
            "rows": node["intermediate_rows"],
            "rows_scanned": node["rows_scanned"],
        }
    for child in node.get("children", []):
        yield from _scans(child)
