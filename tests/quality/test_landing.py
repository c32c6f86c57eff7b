"""The landing checks tell good data from bad data, and bad data from a broken engine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from orchestration.checks.contract import OUTGOING, Contract, load_contracts
from orchestration.checks.errors import ChecksError
from orchestration.checks.landing import engine_on, run_landing_checks
from orchestration.checks.results import LandingResult, Outcome
from tests.quality.landing_warehouse import change, change_daily, connect, create

APPLICATIONS = "raw_app.applications"


@pytest.fixture
def applications() -> Contract:
    [contract] = load_contracts(relations=[APPLICATIONS])
    return contract


@pytest.fixture
def warehouse(tmp_path: Path, applications: Contract) -> Path:
    path = tmp_path / "warehouse.duckdb"
    create(path, [applications])
    return path


def check(path: Path, contract: Contract) -> LandingResult:
    [result] = run_landing_checks(sa.URL.create("duckdb", database=str(path)), [contract])
    return result


def broken(result: LandingResult) -> dict[str, Outcome]:
    return {outcome.name: outcome for outcome in result.failures}


def test_every_shipped_contract_passes_on_data_that_keeps_it(tmp_path: Path) -> None:
    create(tmp_path / "warehouse.duckdb")

    results = run_landing_checks(f"duckdb:///{tmp_path / 'warehouse.duckdb'}")

    assert [result.relation for result in results] == [contract.relation for contract in load_contracts()]
    assert [outcome for result in results for outcome in result.failures] == []
    assert {result.rows for result in results} == {60}
    assert results[0].summary() == f"{len(results[0].outcomes)} promises kept by 60 rows"


def test_each_kind_of_broken_promise_is_found_counted_and_located(warehouse: Path, applications: Contract) -> None:
    change(
        warehouse,
        "update raw_app.applications set status = 'lost' where id in (7, 30, 31)",
        "update raw_app.applications set client_id = null where id = 9",
        "update raw_app.applications set hired_at = null where id = 1 and status = 'hired'",
    )

    failures = broken(check(warehouse, applications))

    assert {name: (outcome.unexpected, outcome.keys) for name, outcome in failures.items()} == {
        "status_one_of": (3, ("7", "30", "31")),
        "client_id_filled": (1, ("9",)),
        "hired_at_filled_when_status": (1, ("1",)),
    }
    assert failures["status_one_of"].rows == 60
    assert failures["status_one_of"].text == "one of active, hired, rejected, withdrawn"


def test_out_of_range_is_a_warning_where_the_contract_says_so(tmp_path: Path) -> None:
    [members] = load_contracts(relations=["raw_app.members"])
    path = tmp_path / "warehouse.duckdb"
    create(path, [members])
    change(path, "update raw_app.members set level = 99 where id = 3")

    result = check(path, members)

    assert (result.success, result.blocking) == (False, False)
    assert result.summary() == "level 0 to 20: broken by 1 of 60 rows (key 3)"


def test_column_of_another_type_and_missing_column_are_named(warehouse: Path, applications: Contract) -> None:
    change(
        warehouse,
        "alter table raw_app.applications alter applied_at type timestamp",
        "alter table raw_app.applications drop column status",
    )

    result = check(warehouse, applications)

    assert result.blocking
    [failure] = result.failures
    assert failure.observed == "applied_at is timestamp, promised timestamptz; status is missing, promised text"


def test_relation_that_is_not_there_fails(warehouse: Path, applications: Contract) -> None:
    change(warehouse, "drop table raw_app.applications")

    result = check(warehouse, applications)

    assert (result.blocking, result.rows) == (True, None)
    assert result.summary() == "the relation exists: it does not"


def test_empty_relation_breaks_its_volume_only(warehouse: Path, applications: Contract) -> None:
    change(warehouse, "truncate raw_app.applications")

    result = check(warehouse, applications)

    assert result.summary() == "at least 1 rows: 0"
    assert list(broken(result)) == ["rows_arrived"]


def test_no_value_but_the_key_is_in_results_or_data_docs(
    warehouse: Path, applications: Contract, tmp_path: Path
) -> None:
    change(warehouse, "update raw_app.applications set source = 'Jane Doe, jane@example.org' where id = 5")

    results = run_landing_checks(f"duckdb:///{warehouse}", [applications], data_docs=tmp_path / "docs")

    pages = list((tmp_path / "docs").rglob("*.html"))
    assert results[0].failures[0].keys == ("5",)
    assert "Jane" not in repr(results)
    assert pages
    assert [page for page in pages if "Jane" in page.read_text(encoding="utf-8")] == []


def test_pages_show_each_relation_and_ask_for_nothing_from_elsewhere(
    warehouse: Path, applications: Contract, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    change(warehouse, "update raw_app.applications set status = 'lost' where id in (7, 30)")
    [members] = load_contracts(relations=["raw_app.members"])

    run_landing_checks(f"duckdb:///{warehouse}", [applications], data_docs=docs)
    run_landing_checks(f"duckdb:///{warehouse}", [members], data_docs=docs)

    page = (docs / "raw_app.applications.html").read_text(encoding="utf-8")
    assert "broken by 2 of 60 rows (key 7, 30)" in page
    assert "columns exist with their types" in page
    assert page.count('class="fas fa-times') == 1  # what GX draws for the one rule that is broken
    index = (docs / "index.html").read_text(encoding="utf-8")
    assert [one.group(1) for one in re.finditer(r'href="(raw_app[^"]+)"', index)] == [
        "raw_app.applications.html",
        "raw_app.members.html",
    ]
    for drawn in docs.glob("*.html"):
        assert not re.search(
            r"""(src|href)=["'](https?:)?//|<script|@import|url\(""", drawn.read_text(encoding="utf-8")
        )


def test_keys_of_what_is_restricted_are_not_shown(tmp_path: Path) -> None:
    [demographics] = load_contracts(relations=["restricted.member_demographics"])
    path = tmp_path / "warehouse.duckdb"
    create(path, [demographics])
    change(path, "update restricted.member_demographics set client_id = null where member_id = 5")

    [failure] = check(path, demographics).failures

    assert (failure.unexpected, failure.keys) == (1, ())


def test_rows_without_their_own_column_are_not_taken_for_good(tmp_path: Path) -> None:
    [report] = load_contracts(OUTGOING, ["reporting.rpt_event_ledger"])
    path = tmp_path / "warehouse.duckdb"
    change(
        path, "create schema reporting; create table reporting.rpt_event_ledger as select 's' source, 1 loaded_count"
    )

    result = check(path, report)

    assert result.blocking
    assert [(one.name, one.observed) for one in result.failures] == [
        ("accepted_count_filled", "the column is missing"),
        ("accepted_count_between", "the column is missing"),
    ]


def test_volume_and_silence_are_judged_by_the_tables_own_history(warehouse: Path, applications: Contract) -> None:
    change_daily(warehouse, applications, [*[240] * 56, 20])

    result = check(warehouse, applications)

    assert (result.success, result.blocking) == (False, False)
    assert result.summary().startswith("changes of 2026-03-24 as on Tuesdays before: 120 to 360: 20; hours without")


def test_table_that_stopped_changing_is_told_and_blocks_nothing(warehouse: Path, applications: Contract) -> None:
    change_daily(warehouse, applications, [*[240] * 40, *[0] * 16])

    result = check(warehouse, applications)
    failures = broken(result)

    assert not result.blocking
    assert failures["changes_come_within_target"].severity == "warning"
    assert failures["changes_come_within_target"].text == "hours without a change: at most 336"
    assert failures["changes_come_within_target"].observed == "384.6"


def test_rows_of_a_copy_are_no_changes(warehouse: Path, applications: Contract) -> None:
    change_daily(warehouse, applications, [240] * 57)
    change(
        warehouse,
        "insert into raw_app_history.applications select i, 'snapshot', '2026-03-24 03:00:00+00' from range(9999) t(i)",
    )

    assert check(warehouse, applications).success


def test_too_short_a_past_is_not_judged_and_says_so(warehouse: Path, applications: Contract) -> None:
    change_daily(warehouse, applications, [240, 240, 0])

    result = check(warehouse, applications)

    assert result.success
    told = {outcome.name: outcome.text for outcome in result.outcomes}
    assert told["changes_are_as_many_as_usual"] == "not judged yet, changes in a day: 0 of 4 weeks are known"


def test_past_that_cannot_be_read_is_an_error_and_never_bad_data(warehouse: Path, applications: Contract) -> None:
    change_daily(warehouse, applications, [240] * 57)
    change(warehouse, "alter table raw_app_history.applications rename _commit_at to moment")

    with pytest.raises(ChecksError, match="says nothing about the data"):
        check(warehouse, applications)


def test_checks_run_on_a_connection_that_is_open_already(warehouse: Path, applications: Contract) -> None:
    with connect(warehouse) as connection:
        [result] = run_landing_checks(engine_on(connection), [applications])

        assert connection.execute("select count(*) from raw_app.applications").fetchone() == (60,)
    assert result.success


def test_engine_that_fails_is_an_error_and_never_bad_data(
    warehouse: Path, applications: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.checks import engine

    def fail(self: object, query: object) -> object:
        raise RuntimeError("Could not convert 'Jane Doe'")

    monkeypatch.setattr(engine.BufferedEngine, "execute_query", fail)

    with pytest.raises(ChecksError, match="says nothing about the data") as caught:
        check(warehouse, applications)
    assert "Jane" not in str(caught.value)
    assert "Jane Doe" in caught.value.engine_words


def test_rows_that_cannot_be_counted_are_an_error_and_never_bad_data(
    warehouse: Path, applications: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.checks import validator

    def gone(engine: object, contract: object) -> int:
        raise sa.exc.OperationalError("select", {}, Exception("Jane Doe"))

    monkeypatch.setattr(validator, "_count", gone)

    with pytest.raises(ChecksError, match="says nothing about the data") as caught:
        check(warehouse, applications)
    assert "Jane" not in str(caught.value)


def test_gx_as_it_comes_still_fails_on_duckdb(
    warehouse: Path, applications: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    # When this fails, GX reads its results before it closes the connection: drop BufferedEngine.
    from orchestration.checks import engine

    original: Any = engine.BufferedEngine.__mro__[1]
    monkeypatch.setattr(engine.BufferedEngine, "execute_query", original.execute_query)

    with pytest.raises(ChecksError, match="could not be checked"):
        check(warehouse, applications)


def test_untried_version_of_gx_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.checks import quick_import

    monkeypatch.setattr(quick_import, "TRIED_VERSIONS", ("0.0.1",))

    with pytest.raises(ChecksError, match=r"1\.24\.1 is installed, tried is 0\.0\.1"):
        quick_import.great_expectations()


@pytest.mark.slow  # a second process imports GX: 3 to 10 s
def test_import_of_the_checks_leaves_gx_and_its_heavy_libraries_alone() -> None:
    program = (
        "import sys, orchestration.checks.landing\n"
        "assert 'great_expectations' not in sys.modules\n"
        "from orchestration.checks.quick_import import great_expectations\n"
        "assert great_expectations().__version__\n"
        "assert 'scipy.stats._stats_py' not in sys.modules, 'scipy.stats was loaded'\n"
        "assert 'altair.vegalite' not in sys.modules, 'altair was loaded'\n"
        "from scipy import stats\n"
        "assert round(float(stats.entropy([1, 2], [2, 1])), 3) == 0.231\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["CHAR", "VARCHAR", "TEXT", "character", "character varying"])
def test_text_of_a_length_is_text_by_each_name_that_gx_tells(name: str) -> None:
    from orchestration.checks.engine import type_word

    assert type_word(name) == "text"
