"""`flux costs`, and the doctor's look at when the disk is full."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import duckdb
import pytest

from ingestion.warehouse.duckdb.session import DuckdbSession
from orchestration.cli import main
from orchestration.costs import forecast
from orchestration.costs.forecast import Forecast
from orchestration.settings import Settings
from orchestration.walk.doctor import filling
from tests.dashboards.warehouse import full_warehouse

REPORTS = (
    "rpt_model_costs",
    "rpt_dashboard_costs",
    "rpt_table_growth_daily",
    "rpt_relation_usage",
    "rpt_disk_forecast",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    (tmp_path / "published").mkdir()
    warehouse, _ = full_warehouse()
    warehouse.connection.execute(f"attach '{tmp_path / 'published' / 'warehouse.duckdb'}' as published")
    warehouse.connection.execute("copy from database memory to published")
    warehouse.connection.close()
    return tmp_path


def test_costs_are_told_dearest_first(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "--top", "3"]) == 0
    told = capsys.readouterr().out
    assert told.index("intermediate.int_match_sights") < told.index("marts.fct_events")
    assert "marts.dim_client" not in told  # not among the three
    assert "reporting.rpt_retention_weekly" in told  # nobody reads it
    assert "full in 143 days (130 to 159)" in told


def test_costs_for_machines_have_every_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"models", "cards", "growth", "usage", "disk"}
    assert len(found["models"]) == 12
    assert found["models"][0]["seconds"] == pytest.approx(7 * 12 * 2.25)


def test_costs_that_no_build_made_are_one_sentence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with duckdb.connect(str(home / "published" / "warehouse.duckdb")) as file:
        file.execute("drop table reporting.rpt_model_costs")
    assert main(["costs"]) == 1
    assert "no costs are published yet" in capsys.readouterr().err


def test_costs_after_the_first_build_are_one_sentence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with duckdb.connect(str(home / "published" / "warehouse.duckdb")) as file:
        for report in REPORTS:
            file.execute(f"delete from reporting.{report}")
    assert main(["costs"]) == 0
    assert capsys.readouterr().out == "nothing is known yet: a build tells of those before it; run 'flux build'\n"


def test_a_forecast_is_kept_in_a_file(tmp_path: Path) -> None:
    with duckdb.connect() as memory:
        session = DuckdbSession(memory)
        forecast.note(tmp_path, session)  # no build made the report
        assert forecast.read(tmp_path) is None
        memory.execute(
            "create schema reporting; create table reporting.rpt_disk_forecast as select 'disk' as part,"
            " timestamptz '2026-03-01 07:00:00+00' as measured_at, 9.5 as days_until_full,"
            " 8.0 as least_days_until_full, null::double as most_days_until_full, 1e6 as growth_bytes_per_day"
        )
        forecast.note(tmp_path, session)
    found = forecast.read(tmp_path)
    assert found is not None
    assert (found.days, found.most_days, found.at) == (9.5, None, dt.datetime(2026, 3, 1, 7, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("days", "age", "growth", "level"),
    [
        (40.0, 0, 1e6, "ok"),
        (14.5, 1, 1e6, "warning"),  # the forecast is a day old
        (3.5, 1, 1e6, "problem"),
        (2.0, 9, 1e6, "problem"),
        (None, 0, -1e6, "ok"),  # it does not grow
        (None, 0, None, None),  # not known yet
    ],
)
def test_doctor_tells_in_time_that_the_disk_fills(
    tmp_path: Path, days: float | None, age: int, growth: float | None, level: str | None
) -> None:
    at = dt.datetime.now(dt.UTC) - dt.timedelta(days=age)
    found = Forecast(at.isoformat(), days, None if days is None else days * 0.9, None, growth)
    (tmp_path / forecast.NAME).write_text(json.dumps({name: getattr(found, name) for name in found.__slots__}))
    checks = [check.level for check in filling.checks(Settings(home=tmp_path))]
    assert checks == ([] if level is None else [level])


def test_doctor_says_nothing_before_there_is_a_forecast(tmp_path: Path) -> None:
    assert list(filling.checks(Settings(home=tmp_path))) == []
