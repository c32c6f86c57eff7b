"""What builds note of costs, in both warehouses: days add up, logs never count twice, old rows go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingestion.errors import LoadError
from ingestion.warehouse.cost_tables import KEPT_DAYS, CostTables
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.publish import READABLE_MACHINERY
from orchestration.costs import gathering, recording
from orchestration.costs.gathering import DISK, READS, RUNS, Gathered, gather
from orchestration.models import NodeResult
from orchestration.settings import Settings
from orchestration.walk.rows import table_rows

TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture(params=["duckdb", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = request.getfixturevalue("database") if request.param == "postgres" else None
    return Settings(home=tmp_path, warehouse_url=url)


@contextmanager
def opened(settings: Settings) -> Iterator[Destination]:
    with open_warehouse(settings.warehouse) as destination:
        destination.machinery.ensure()
        yield destination


def table(schema: pa.Schema, *rows: tuple[object, ...]) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=schema)


def result(name: str, seconds: float, **more: Any) -> NodeResult:
    kind = more.pop("kind", "model")
    return NodeResult(f"{kind}.flux.{name}", kind, more.pop("status", "success"), seconds, 0, "", "", **more)


def record(settings: Settings, *results: NodeResult) -> None:
    with opened(settings) as destination:
        gathered = gather(settings)
        recording.note_logs(destination, gathered)
        rows = table_rows(destination.machinery.session)
        recording.record(settings, destination, gathered, results, rows, settings.home / "no manifest")


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with opened(settings) as destination:
        return destination.machinery.session.execute(sql)


def test_builds_of_a_day_add_up_and_tables_are_measured_once_an_hour(settings: Settings) -> None:
    with opened(settings) as destination:
        destination.machinery.session.execute(
            "create schema marts; create table marts.a (x bigint); insert into marts.a values (1), (2)"
        )
    record(settings, result("a", 2.0, relation="marts.a", scanned_bytes=10), result("k", 1.0, kind="test"))
    record(
        settings,
        result("a", 3.0, relation="marts.a", status="error"),
        result("b", 1.0, relation="marts.b", status="skipped"),
    )
    assert rows(settings, "select * from _flux.run_costs order by kind") == [
        (TODAY, "model", "a", "marts.a", 2, 1, 5.0, 3.0, 2, 10),
        (TODAY, "test", "k", None, 1, 0, 1.0, 1.0, None, None),
    ]
    found = rows(settings, "select * from _flux.relation_sizes where relation = 'marts.a'")
    assert [(day, name, count) for day, name, count, _ in found] == [(TODAY, "marts.a", 2)]
    parts = rows(settings, "select part, used_bytes > 0, capacity_bytes > used_bytes from _flux.disk_sizes order by 1")
    assert ("disk", True, True) in parts
    assert ("warehouse", True, None) in parts
    assert len(parts) == 5  # of one hour, whatever was built in it


def test_what_a_log_tells_again_is_not_counted_twice_and_what_it_forgets_stays(settings: Settings) -> None:
    def note(count: int, kind: str = "card") -> None:
        with opened(settings) as destination, destination.transaction():
            tables = CostTables(destination.machinery.session)
            tables.note_runs(
                table(RUNS, (TODAY, kind, "overview.hires", "overview", count, 0, count * 0.5, 0.5, 3, None))
            )
            tables.note_reads(table(READS, (TODAY, "marts.a", "person", "ada", count, 0.25)))

    note(3)
    note(5)  # two more were logged
    note(1)  # the log was full, and began anew
    runs = rows(settings, "select run_count, seconds, row_count, scanned_bytes from _flux.run_costs")
    assert runs == [(5, 2.5, 3, None)]
    assert rows(settings, "select read_count, seconds from _flux.relation_reads") == [(5, 0.25)]


def test_rows_that_are_too_old_go(settings: Settings) -> None:
    days = {name: kept for name, (_, kept) in KEPT_DAYS.items()}
    with opened(settings) as destination, destination.transaction():
        tables = CostTables(destination.machinery.session)
        for age in (days["relation_reads"] - 1, days["relation_reads"] + 2):
            day = TODAY - dt.timedelta(age)
            at = dt.datetime.combine(day, dt.time(7), dt.UTC)
            tables.note_reads(table(READS, (day, "marts.a", "person", "ada", 1, 0.5)))
            tables.note_disk(table(DISK, (at, "disk", 1, 2)))
        tables.forget_old(TODAY)
    kept = [(TODAY - dt.timedelta(days["relation_reads"] - 1),)]
    assert rows(settings, "select read_on from _flux.relation_reads") == kept
    assert rows(settings, "select count(*) from _flux.disk_sizes") == [(1,)]


def test_dependents_are_told_anew_when_the_project_changes(settings: Settings) -> None:
    told = pa.table({"relation": ["marts.a"], "kind": ["model"], "dependent": ["marts.b"], "noted_as": ["one"]})
    with opened(settings) as destination, destination.transaction():
        tables = CostTables(destination.machinery.session)
        tables.note_dependents(told)
        assert tables.dependents_are("one")
        assert not tables.dependents_are("two")
        tables.note_dependents(told.slice(0, 0))
        assert not tables.dependents_are("one")


def test_a_build_is_a_build_when_its_costs_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise LoadError("no room")

    monkeypatch.setattr(CostTables, "add_runs", refuse)
    settings = Settings(home=tmp_path)
    record(settings, result("a", 2.0))
    assert "not written down" in caplog.text
    assert rows(settings, "select count(*) from _flux.disk_sizes") == [(0,)]


def test_who_read_what_is_published_to_nobody() -> None:
    assert not READABLE_MACHINERY & {*KEPT_DAYS, "dependents"}


def test_nothing_is_noted_where_no_log_is(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "one").write_bytes(bytes(12))
    found = gather(Settings(home=tmp_path), now=dt.datetime(2026, 3, 1, 9, 41, tzinfo=dt.UTC))
    assert (found.runs.num_rows, found.reads.num_rows) == (0, 0)
    disk = {row["part"]: row for row in found.disk.to_pylist()}
    assert disk["log"]["used_bytes"] == 12
    assert disk["disk"]["measured_at"] == dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
    assert isinstance(found, Gathered)
    assert gathering.PERSON == "person"
