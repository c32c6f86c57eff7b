"""The whole project on the small warehouse: builds without a warning, and its numbers are what plain Python counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

ZONES = {1: ZoneInfo("Europe/Berlin"), 2: ZoneInfo("America/New_York")}

pytestmark = pytest.mark.slow


@pytest.fixture
def warehouse(built: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built), read_only=True) as connection:
        connection.execute("SET TimeZone='UTC'")
        yield connection


def week(client: int, moment: datetime) -> str:
    day = moment.astimezone(ZONES[client]).date()
    return (day - timedelta(days=day.weekday())).isoformat()


def test_models_land_in_the_schemas_that_their_folders_name(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute("select distinct table_schema from information_schema.tables").fetchall()
    assert {schema for (schema,) in rows} == {
        *("_flux", "raw_app", "raw_app_history", "raw_segment", "restricted", "restricted_history"),
        *("staging", "intermediate", "marts", "reporting", "ml"),
    }


def test_views_work_whatever_the_file_is_called(built: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{built}' as elsewhere (read_only)")
        (count,) = connection.execute("select count(*) from elsewhere.staging.stg_app__members").fetchone() or (0,)
    assert count == 24


def test_funnel_counts_are_those_of_the_raw_tables(warehouse: duckdb.DuckDBPyConnection) -> None:
    applications = warehouse.execute("select client_id, applied_at, status from raw_app.applications").fetchall()
    expected = Counter((client, week(client, applied_at)) for client, applied_at, _ in applications)
    hired = Counter(
        (client, week(client, applied_at)) for client, applied_at, status in applications if status == "hired"
    )
    found = warehouse.execute(
        "select client_id, week_starts_on::text, stage_kind, sum(reached_count) from reporting.rpt_hiring_funnel_weekly"
        " where stage_kind in ('applied', 'hired') group by all"
    ).fetchall()
    assert {(client, start): count for client, start, kind, count in found if kind == "applied"} == expected
    assert {(client, start): count for client, start, kind, count in found if kind == "hired" and count} == hired
    assert sum(hired.values()) > 5


def test_weekly_active_members_are_those_with_an_event_in_the_clients_own_week(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    events = warehouse.execute(
        "select m.client_id, m.id, e.timestamp from raw_app.members m"
        " join (select user_id, timestamp from raw_segment.tracks union all"
        " select user_id, timestamp from raw_segment.pages) e"
        " on e.user_id = m.user_id::text"
    ).fetchall()
    expected = Counter(key for key, _ in {((client, week(client, at)), member) for client, member, at in events})
    found = warehouse.execute(
        "select client_id, week_starts_on::text, active_member_count from reporting.rpt_weekly_active_members"
    ).fetchall()
    assert {(client, start): count for client, start, count in found if count} == expected


def test_click_through_counts_each_impression_once(warehouse: duckdb.DuckDBPyConnection) -> None:
    clicked = warehouse.execute("select distinct recommendation_id from raw_segment.recommendation_clicked").fetchall()
    seen = warehouse.execute("select count(*) from raw_app.match_impressions").fetchone()
    found = warehouse.execute("select count(*) filter (is_clicked), count(*) from marts.fct_impressions").fetchone()
    assert found == (len(clicked), (seen or (0,))[0])


def test_features_are_those_that_a_scan_of_the_history_finds(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The brute-force oracle: of the changes committed before the request, the last one tells."""
    examples = warehouse.execute(
        "select member_id, _lsn, member_level, member_skill_count, member_applications_30d, requested_at"
        " from ml.ml_match_examples_v1 order by example_id"
    ).fetchall()
    levels = warehouse.execute("select id, _lsn, level from raw_app_history.members order by _lsn, _seq").fetchall()
    skills = warehouse.execute(
        "select id, member_id, _op, _lsn from raw_app_history.member_skills order by _lsn, _seq"
    ).fetchall()
    applications = warehouse.execute(
        "select member_id, applied_at, _lsn from raw_app_history.applications where _op = 'insert'"
    ).fetchall()
    assert len({row[2] for row in examples}) > 3
    assert any(row[4] for row in examples)
    for member, lsn, level, skill_count, applied, requested_at in examples:
        assert level == [value for key, at, value in levels if key == member and at < lsn][-1]
        held = {key: op for key, owner, op, at in skills if at < lsn and (owner == member or op == "delete")}
        owned = {key for key, owner, _, at in skills if owner == member and at < lsn}
        assert skill_count == sum(op != "delete" for key, op in held.items() if key in owned)
        since = requested_at - timedelta(days=30)
        assert applied == sum(
            who == member and at < lsn and since <= when < requested_at for who, when, at in applications
        )


def test_examples_leave_out_who_withdrew_or_never_consented(warehouse: duckdb.DuckDBPyConnection) -> None:
    consenting = warehouse.execute(
        "select member_id from raw_app.consents where purpose = 'ml_training' and withdrawn_at is null"
    ).fetchall()
    seen = warehouse.execute("select distinct member_id from raw_app.match_impressions").fetchall()
    found = warehouse.execute("select distinct member_id from ml.ml_match_examples_v1").fetchall()
    assert set(found) == set(consenting) & set(seen)
    assert len(set(seen) - set(found)) >= 2
