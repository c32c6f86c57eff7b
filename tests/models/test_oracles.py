"""Reports recomputed from the source tables by plain pandas, knowing nothing of the models."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

ZONES = {1: "Europe/Berlin", 2: "America/New_York"}
SEATS = {1: 30}

pytestmark = [
    pytest.mark.slow,
    # DuckDB 1.5 makes its frames with it; drop when .df() is quiet on pandas 3.1.
    pytest.mark.filterwarnings("ignore:The inplace keyword"),
]

Frame = Any  # pandas ships no types


class Source:
    """The small warehouse's tables as frames; times in UTC."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.cut = pd.Timestamp(self("select max(clock_at) as at from _flux.cuts").at[0, "at"])

    def __call__(self, query: str) -> Frame:
        return self.connection.execute(query).df()

    def activity(self) -> Frame:
        """One row per member and day with an event, in the client's zone; members have one login for good."""
        events = self(
            "select m.client_id as client, m.id as member, e.timestamp as at from raw_app.members m join"
            " (select user_id, timestamp from raw_segment.tracks union all"
            "  select user_id, timestamp from raw_segment.pages) e on e.user_id = m.user_id::text"
        )
        events["day"] = local_days(events, "at")
        return events[["client", "member", "day"]].drop_duplicates()


@pytest.fixture
def source(built: Path) -> Iterator[Source]:
    with duckdb.connect(str(built), read_only=True) as connection:
        connection.execute("SET TimeZone='UTC'")
        yield Source(connection)


def local_days(frame: Frame, column: str) -> Frame:
    """Return the day of each moment in the zone of the row's client, as a timestamp without a zone."""
    days = [moment.tz_convert(ZONES[client]).date() for moment, client in zip(frame[column], frame.client, strict=True)]
    return pd.to_datetime(pd.Series(days, index=frame.index))


def ratio(numerator: float, denominator: float) -> Any:
    return pytest.approx(numerator / denominator if denominator else float("nan"), nan_ok=True)


def mondays(days: Frame) -> Frame:
    return days - pd.to_timedelta(days.dt.day_of_week, unit="D")


def test_retention_is_that_of_the_raw_events(source: Source) -> None:
    activity = source.activity()
    activity["week"] = mondays(activity.day)
    weeks = activity.groupby(["client", "member"]).week.agg(set)
    found = source("select * from reporting.rpt_retention_weekly")
    assert len(found) > 20
    assert set(found.cohort_week_starts_on) == {min(member_weeks) for member_weeks in weeks}
    for row in found.itertuples():
        cohort = [active for active in weeks[row.client_id] if min(active) == row.cohort_week_starts_on]
        week = row.cohort_week_starts_on + pd.Timedelta(weeks=row.weeks_since)
        assert row.week_starts_on == week
        assert row.cohort_member_count == len(cohort)
        assert row.bounded_member_count == sum(week in active for active in cohort)
        assert row.unbounded_member_count == sum(max(active) >= week for active in cohort)
        assert row.unbounded_retention == row.unbounded_member_count / len(cohort)


def test_daily_active_members_are_those_of_the_raw_events(source: Source) -> None:
    activity = source.activity()
    found = source("select * from reporting.rpt_active_members_daily")
    assert len(found) >= 2 * 60
    for row in found.itertuples():
        own = activity[(activity.client == row.client_id) & (activity.day <= row.date_on)]
        windows = [own[own.day > row.date_on - pd.Timedelta(days=days)] for days in (1, 7, 28)]
        expected = tuple(window.member.nunique() for window in windows)
        assert (row.active_member_count, row.active_7d_count, row.active_28d_count) == expected
        daily = windows[2].groupby("day").member.nunique().sum() / 28
        assert row.stickiness == pytest.approx(daily / expected[2])


def test_days_in_stage_are_those_of_the_raw_stage_events(source: Source) -> None:
    events = source(
        "select e.client_id as client, e.application_id, e.moved_at as entered, s.kind as stage, o.kind,"
        " a.status, coalesce(a.hired_at, a.rejected_at, a.withdrawn_at) as decided"
        " from raw_app.application_stage_events e join raw_app.stages s on s.id = e.to_stage_id"
        " join raw_app.applications a on a.id = e.application_id"
        " join raw_app.opportunities o on o.id = a.opportunity_id"
    ).sort_values(["application_id", "entered"])
    events["left"] = events.groupby("application_id").entered.shift(-1).fillna(events.decided)
    events["is_open"] = events.left.isna()
    events["days"] = (events.left.fillna(source.cut) - events.entered).dt.total_seconds() / 86400
    events["week"] = mondays(local_days(events, "entered"))
    events = events[events.stage != "hired"]
    found = source("select * from reporting.rpt_days_in_stage_weekly")
    assert found.open_count.sum() > 5
    assert found[(found.client_slug == "(all)") & (found.opportunity_kind == "(all)")].entry_count.sum() == len(events)
    for row in found.itertuples():
        mine = events[(events.week == row.week_starts_on) & (events.stage == row.stage_kind)]
        mine = mine[(row.client_slug == "(all)") | (mine.client == row.client_id)]
        mine = mine[(row.opportunity_kind == "(all)") | (mine.kind == row.opportunity_kind)]
        assert (row.entry_count, row.open_count) == (len(mine), mine.is_open.sum())
        assert row.median_days_in_stage == pytest.approx(mine.days.quantile(0.5))
        assert row.p90_days_in_stage == pytest.approx(mine.days.quantile(0.9))
        assert row.open_share == pytest.approx(mine.is_open.mean())


def test_internal_mobility_is_that_of_the_raw_tables(source: Source) -> None:
    hired = source(
        "select a.client_id as client, a.hired_at as at from raw_app.applications a join raw_app.opportunities o"
        " on o.id = a.opportunity_id where a.status = 'hired' and a.source <> 'external' and o.kind = 'job'"
    )
    hired["day"] = local_days(hired, "at")
    moves = source(
        "select s.client_id as client, s.started_on as day, s.member_id, m.family as of_member, j.family as of_job"
        " from raw_app.assignments s join raw_app.opportunities o on o.id = s.opportunity_id"
        " join raw_app.job_architecture j on j.id = o.job_architecture_id"
        " join (select m.id, a.family from raw_app.members m join raw_app.job_architecture a"
        " on a.id = m.job_architecture_id) m on m.id = s.member_id where o.kind = 'job'"
    )
    staff = source("select client_id as client, id, hired_on, terminated_on from raw_app.members")
    history = source(
        "select client_id as client, id, title, hired_on, terminated_on, _commit_at as at"
        " from raw_app_history.members order by id, _lsn, _seq"
    )
    before = history.groupby("id")[["title", "hired_on", "terminated_on"]].shift()
    stays = history.terminated_on.isna() & before.terminated_on.isna() & (history.hired_on == before.hired_on)
    titles = history[stays & (history.title != before.title)].copy()
    titles["day"] = local_days(titles, "at")
    found = source("select * from reporting.rpt_internal_mobility_monthly")
    assert found.changed_title_member_count.sum() == 4
    assert found.dissimilar_transition_count.sum() > 2
    for row in found.itertuples():
        end = row.month_starts_on + pd.offsets.MonthEnd(0)

        def within(frame: Frame, column: str = "day", row: Any = row, end: Any = end) -> Frame:
            return frame[(frame.client == row.client_id) & frame[column].between(row.month_starts_on, end)]

        inside, arrivals, moved = len(within(hired)), len(within(staff, "hired_on")), within(moves)
        present = staff[(staff.client == row.client_id) & (staff.hired_on <= end)]
        present = present[present.terminated_on.isna() | (present.terminated_on >= row.month_starts_on)]
        dissimilar = (moved.of_member != moved.of_job).sum()
        assert (row.internal_hire_count, row.external_hire_count) == (inside, arrivals)
        assert (row.inside_transition_count, row.dissimilar_transition_count) == (len(moved), dissimilar)
        assert row.internal_fill_rate == ratio(inside, inside + arrivals)
        assert row.dissimilar_transition_rate == ratio(dissimilar, len(moved) + arrivals)
        assert row.changed_title_share == ratio(within(titles).id.nunique(), len(present))


def test_time_to_fill_is_that_of_the_raw_history(source: Source) -> None:
    filled = source(
        "select client_id as client, id, openings, opened_at, filled_at from raw_app.opportunities"
        " where filled_at is not null and status in ('filled', 'closed')"
    )
    history = source(
        "select id, status, opened_at, _commit_at as at from raw_app_history.opportunities order by id, _lsn"
    )
    history["until"] = history.groupby("id")["at"].shift(-1)
    filled["days"] = (local_days(filled, "filled_at") - local_days(filled, "opened_at")).dt.days
    filled["week"] = mondays(local_days(filled, "filled_at"))
    held = []
    for one in filled.itertuples():
        holds = history[(history.id == one.id) & (history.status == "on_hold")]
        spans = holds.until.fillna(one.filled_at).clip(upper=one.filled_at) - holds["at"].clip(lower=one.opened_at)
        held.append(spans.dt.total_seconds().clip(lower=0).sum() / 86400)
    filled["held"] = held
    filled["reopened"] = filled.id.map(history.groupby("id").opened_at.nunique()) > 1
    each = filled.loc[filled.index.repeat(filled.openings)]
    found = source(
        "select * from reporting.rpt_time_to_fill_weekly where client_id is not null and opportunity_kind = '(all)'"
    )
    assert found.held_opening_count.sum() > 0
    assert found.reopened_opening_count.sum() > 0
    assert found.opening_count.sum() == len(each)
    for row in found.itertuples():
        mine = each[(each.client == row.client_id) & (each.week == row.week_starts_on)]
        assert row.opening_count == len(mine)
        assert (row.held_opening_count, row.reopened_opening_count) == ((mine.held > 0).sum(), mine.reopened.sum())
        assert row.median_days_to_fill == pytest.approx(mine.days.quantile(0.5))
        assert row.p90_days_to_fill == pytest.approx(mine.days.quantile(0.9))
        assert row.median_unheld_days_to_fill == pytest.approx((mine.days - mine.held).clip(lower=0).quantile(0.5))


def test_debiased_clicks_are_those_that_the_exploration_weighs(source: Source) -> None:
    seen = source(
        "select i.client_id as client, i.id, i.recommendation_id, i.position, i.shown_at, r.is_exploration,"
        " q.model_version_id as model from raw_app.match_impressions i"
        " join raw_app.match_recommendations r on r.id = i.recommendation_id"
        " join raw_app.recommendation_requests q on q.id = r.request_id"
    )
    clicks = source(
        "select recommendation_id, min(timestamp) as at from raw_segment.recommendation_clicked group by all"
    )
    seen["is_clicked"] = seen.recommendation_id.isin(
        clicks.recommendation_id
    )  # each list is shown once, clicked at once
    seen["week"] = mondays(local_days(seen, "shown_at"))
    seen = seen[seen.shown_at + pd.Timedelta(hours=24) <= source.cut]
    rates = seen[seen.is_exploration].groupby(["client", "position"]).is_clicked.mean()
    weights = {key: 1 / min(max(rate / rates[key[0], 1], 0.1), 1) for key, rate in rates.items() if rates[key[0], 1]}
    seen["weight"] = [weights.get(key) for key in zip(seen.client, seen.position, strict=True)]
    seen["earned"] = seen.weight * seen.is_clicked
    found = source("select * from reporting.rpt_debiased_clicks_weekly")
    assert found.debiased_click_through_rate.notna().all()
    assert (found.debiased_click_through_rate > found.click_through_rate + 0.01).any()
    for row in found.itertuples():
        mine = seen[
            (seen.client == row.client_id) & (seen.week == row.week_starts_on) & (seen.model == row.model_version_id)
        ]
        assert (row.impression_count, row.clicked_impression_count) == (len(mine), mine.is_clicked.sum())
        assert row.weighable_impression_count == mine.weight.notna().sum()
        explored = seen[seen.is_exploration & (seen.client == row.client_id)]
        assert row.evidence_click_count == explored.is_clicked.sum()
        assert row.debiased_click_through_rate == pytest.approx(mine.earned.sum() / mine.weight.notna().sum())


def test_list_diversity_is_that_of_the_sets_of_required_skills(source: Source) -> None:
    skills = source("select opportunity_id, skill_id from raw_app.opportunity_skills where is_required")
    sets = skills.groupby("opportunity_id").skill_id.agg(set)
    served = source(
        "select r.client_id as client, r.request_id::text as request, r.opportunity_id, q.requested_at as at,"
        " q.model_version_id as model from raw_app.match_recommendations r"
        " join raw_app.recommendation_requests q on q.id = r.request_id"
    )
    served["week"] = mondays(local_days(served, "at"))

    def diversity(opportunities: Frame) -> float:
        pairs = itertools.combinations([sets[one] for one in opportunities if one in sets], 2)
        overlaps = [len(one & two) / len(one | two) for one, two in pairs]
        return 1 - sum(overlaps) / len(overlaps) if overlaps else float("nan")

    lists = served.groupby(["client", "week", "model", "request"]).opportunity_id.agg(diversity).reset_index()
    found = source("select * from reporting.rpt_list_diversity_weekly")
    assert found.intra_list_diversity.nunique() > 5
    for row in found.itertuples():
        mine = lists[
            (lists.client == row.client_id) & (lists.week == row.week_starts_on) & (lists.model == row.model_version_id)
        ]
        assert (row.list_count, row.compared_list_count) == (len(mine), mine.opportunity_id.count())
        assert row.intra_list_diversity == pytest.approx(mine.opportunity_id.mean())


def test_client_health_is_the_weighted_mean_of_its_raw_components(source: Source) -> None:
    seed = pd.read_csv(Path(__file__).parents[2] / "dbt_project" / "seeds" / "client_health_weights.csv")
    rules = seed.set_index("component")
    activity = source.activity()
    activity["week"] = mondays(activity.day)
    openings = source(
        "select client_id as client, id, status, opened_at, filled_at, coalesce(filled_at, closed_at) as ended_at,"
        " (select min(a.applied_at) from raw_app.applications a where a.opportunity_id = o.id"
        " and a.applied_at >= o.opened_at) as first_at from raw_app.opportunities o"
    )
    openings["wait"] = (openings.first_at - openings.opened_at).dt.total_seconds() / 86400
    thumbs = source("select client_id as client, kind, created_at as at from raw_app.match_feedback")
    members = source("select client_id as client, hired_on, terminated_on from raw_app.members")
    found = source("select * from reporting.rpt_client_health_weekly")
    assert found.health_score.between(0, 100).all()
    assert found.known_weight.max() > 0.85
    for row in found.itertuples():
        monday, client = row.week_starts_on, row.client_id
        begin, end = (monday + pd.Timedelta(days=days) for days in (0, 7))
        begin, end = (moment.tz_localize(ZONES[client]) for moment in (begin, end))

        def week(frame: Frame, column: str, client: int = client, begin: Any = begin, end: Any = end) -> Frame:
            return frame[(frame.client == client) & (frame[column] >= begin) & (frame[column] < end)]

        last = min(monday + pd.Timedelta(days=6), source.cut.tz_convert(ZONES[client]).tz_localize(None).normalize())
        staff = members[(members.client == client) & (members.hired_on <= last)]
        staff = staff[staff.terminated_on.isna() | (staff.terminated_on >= last)]
        ended = week(openings[openings.status.isin(["filled", "closed", "cancelled"])], "ended_at")
        active = activity[(activity.client == client) & (activity.week == monday)].member.nunique()
        measures = {
            "active_seat_share": active / SEATS.get(client, float("nan")),
            "postings_per_100_members": 100 * len(week(openings, "opened_at")) / len(staff),
            "median_days_to_first_application": week(openings, "first_at").wait.median(),
            "fill_rate": ended.filled_at.notna().mean(),
            "positive_feedback_share": (week(thumbs, "at").kind == "thumbs_up").mean(),
        }
        for component, measure in measures.items():
            assert getattr(row, component) == pytest.approx(measure, nan_ok=True), (component, monday)
        measures["freshness_share"] = row.freshness_share
        known = {name: value for name, value in measures.items() if pd.notna(value)}
        points = {
            name: 100 * min(max((value - rules.zero_at[name]) / (rules.full_at[name] - rules.zero_at[name]), 0), 1)
            for name, value in known.items()
        }
        weight = sum(rules.weight[name] for name in known)
        assert row.known_weight == pytest.approx(weight)
        assert row.health_score == pytest.approx(sum(rules.weight[name] * points[name] for name in known) / weight)


def test_freshness_budget_counts_minutes_in_which_a_transaction_was_missing_for_too_long(source: Source) -> None:
    """By brute force: each second between the oldest cut and the newest is asked what readers then lacked."""
    cuts = source("select lsn, made_at from _flux.cuts order by cut_id")
    clock = source("select _lsn as lsn, commit_at as at from _flux.clock order by 1")
    seconds = pd.date_range(cuts.made_at.iloc[0], cuts.made_at.iloc[-1], freq="10s", inclusive="left")
    read = cuts.lsn.to_numpy()[cuts.made_at.searchsorted(seconds, side="right") - 1]
    place = clock.lsn.searchsorted(read, side="right")
    missing = clock["at"].reindex(place).to_numpy()
    stale = pd.Series(
        (seconds.tz_localize(None) - pd.DatetimeIndex(missing).tz_localize(None)) > pd.Timedelta(minutes=15)
    )
    days = seconds.tz_localize(None).normalize()
    expected = stale.groupby(days).sum() / 6
    found = source("select * from reporting.rpt_freshness_budget_daily").set_index("date_on")
    assert len(found) >= 3
    assert 0 < found.stale_minutes.sum() < found.observed_minutes.sum()
    for day, minutes in expected.items():
        assert found.stale_minutes[day] == pytest.approx(minutes, abs=1)
