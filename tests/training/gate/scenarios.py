"""Histories made on purpose. Each asserts that what was not known at a request is in none of its features.

A scenario is a function of the bench, so that it can be played against models that were broken on purpose, too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import yaml

from tests.models.small_warehouse import START
from tests.training.gate.bench import END, Bench
from tests.training.gate.poison import poison
from training import DatasetSpec, parse_spec
from training.spec import SPECS

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOW = END + 2 * HOUR
MEMBER, OPPORTUNITY = 2, 1

Scenario = Callable[[Bench], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    SCENARIOS[function.__name__] = function
    return function


@cache
def spec() -> DatasetSpec:
    """The shipped specification, split by entity: sixty days are too short for its shares and embargo."""
    document: dict[str, Any] = yaml.safe_load((SPECS / "match.yaml").read_text(encoding="utf-8"))
    document.pop("left_out")  # counts for the card, of another model
    shares = {"train": 0.4, "valid": 0.3, "test": 0.3}
    return parse_spec({**document, "split": {"kind": "entity", "by": "subject_key", **shares}}, "match.yaml")


# ---------- 2: future-poison


@scenario
def future_poison(bench: Bench) -> None:
    """Wild changes of the future leave the datasets of the past as they were, one long past and that of now."""
    bench.build()
    times = (START + 45 * DAY, END)
    before = [bench.pull(spec(), as_of) for as_of in times]
    changed = poison(bench, NOW)
    bench.load(NOW)
    bench.build()
    assert changed > 10_000
    for then, as_of in zip(before, times, strict=True):
        now = bench.pull(spec(), as_of)
        assert differing(then.directory, now.directory) == {}
        assert (now.logical_hash, now.id, now.created) == (then.logical_hash, then.id, False)


# ---------- 3 and 4: late commits, corrections


@scenario
def late_commit(bench: Bench) -> None:
    """A transaction that began before the request and committed after it is not known, whatever its rows say."""
    was = bench.row("members", MEMBER)["level"]
    row, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY)
    began = NOW - HOUR  # now() of its transaction, which is what the product writes
    applied = {"id": 9001, "client_id": 1, "member_id": MEMBER, "opportunity_id": 3, "applied_at": began}
    bench.commit(
        NOW + MINUTE / 2,
        ("update", "members", {"id": MEMBER, "level": 77, "updated_at": began}),
        ("insert", "applications", {**applied, "created_at": began, "updated_at": began}),
        ("insert", "member_skills", {**_skill(bench, 8), "created_at": began, "updated_at": began}),
    )
    later, *_ = bench.visit(NOW + DAY, MEMBER, OPPORTUNITY)
    _made(bench)
    assert _values(bench, "member_level", row, later) == [was, 77]
    assert _gain(bench, "member_skill_count", row, later) == 1
    assert _gain(bench, "member_applications_30d", row, later) == 1


@scenario
def late_event(bench: Bench) -> None:
    """A click that arrives after the request is not known, though it happened before it."""
    row, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY)
    clicks = bench.product.events["recommendation_clicked"]
    sights = bench.product.log.mirror["match_impressions"].values()
    seen = next(sight for sight in sights if sight["member_id"] == MEMBER)
    times = {"timestamp": NOW - HOUR, "received_at": NOW + MINUTE, "uuid_ts": NOW + MINUTE}
    clicks.append({**clicks[0], **times, "id": "late", "recommendation_id": seen["recommendation_id"]})
    later, *_ = bench.visit(NOW + HOUR, MEMBER, OPPORTUNITY)
    _made(bench)
    assert _gain(bench, "member_clicks_7d", row, later) == 1


@scenario
def late_label(bench: Bench) -> None:
    """A click in time that arrives days later is no click in a set as of the days between."""
    row, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY)
    recommendation = bench.product.next_id["match_recommendations"]
    clicks = bench.product.events["recommendation_clicked"]
    times = {"timestamp": NOW + HOUR, "received_at": NOW + 3 * DAY, "uuid_ts": NOW + 3 * DAY}
    clicks.append({**clicks[0], **times, "id": "late", "recommendation_id": recommendation, "client_id": 1})
    bench.load(NOW + 5 * DAY)
    bench.build()
    told = [bench.pulled(bench.pull(spec(), NOW + days * DAY), row, "label_click_24h") for days in (2, 4)]
    assert told == [False, True]


@scenario
def correction(bench: Bench) -> None:
    """A correction that bears the time of what it corrects is not known before its commit."""
    since, was = bench.row("members", MEMBER)["updated_at"], bench.row("members", MEMBER)["level"]
    row, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY)
    bench.commit(NOW + HOUR, ("update", "members", {"id": MEMBER, "level": 77, "updated_at": since}))
    later, *_ = bench.visit(NOW + 2 * HOUR, MEMBER, OPPORTUNITY)
    _made(bench)
    assert _values(bench, "member_level", row, later) == [was, 77]


@scenario
def late_request(bench: Bench) -> None:
    """Features are of the time when the model scored, though its request is committed at the end of the visit."""
    first, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY)
    sights = bench.product.log.mirror["match_impressions"].values()
    seen = next(sight for sight in sights if sight["member_id"] == MEMBER)
    applied = {"id": 9002, "client_id": 1, "member_id": MEMBER, "opportunity_id": 3, "applied_at": NOW + HOUR}
    bench.commit(NOW + HOUR, ("update", "members", {"id": MEMBER, "level": 77}), ("insert", "applications", applied))
    clicks = bench.product.events["recommendation_clicked"]
    times = dict.fromkeys(("timestamp", "received_at", "uuid_ts"), NOW + HOUR)
    clicks.append({**clicks[0], **times, "id": "during", "recommendation_id": seen["recommendation_id"]})
    late, *_ = bench.visit_of(NOW + 2 * HOUR, MEMBER, 2, client=1, scored_at=NOW + MINUTE / 2)
    later, *_ = bench.visit(NOW + DAY, MEMBER, 2)
    _made(bench)
    for column in ("member_level", "member_clicks_7d", "member_applications_7d"):
        one, other, last = _values(bench, column, first, late, later)
        assert one == other != last, column


# ---------- 5: deletions and keys


@scenario
def delete_and_reinsert(bench: Bench) -> None:
    """A skill that was deleted and came back counts while it was there."""
    skill = _held(bench)
    rows = [*bench.visit(NOW, MEMBER, OPPORTUNITY)]
    bench.commit(NOW + HOUR, ("delete", "member_skills", skill))
    rows += bench.visit(NOW + 2 * HOUR, MEMBER, OPPORTUNITY)
    bench.commit(NOW + 3 * HOUR, ("insert", "member_skills", dict(skill)))
    rows += bench.visit(NOW + 4 * HOUR, MEMBER, OPPORTUNITY)
    _made(bench)
    assert _gain(bench, "member_skill_count", rows[0], rows[1]) == -1
    assert _gain(bench, "member_skill_count", rows[0], rows[2]) == 0


@scenario
def soft_delete(bench: Bench) -> None:
    """A skill that was softly deleted counts no more, and a member who was is not known."""
    row, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY)
    bench.commit(NOW + HOUR, ("update", "member_skills", {**_held(bench), "deleted_at": NOW}))
    later, *_ = bench.visit(NOW + 2 * HOUR, MEMBER, OPPORTUNITY)
    bench.commit(NOW + 3 * HOUR, ("update", "members", {"id": MEMBER, "deleted_at": NOW}))
    last, *_ = bench.visit(NOW + 4 * HOUR, MEMBER, OPPORTUNITY)
    _made(bench)
    assert _gain(bench, "member_skill_count", row, later) == -1
    assert _values(bench, "member_level", last) == [None]


@scenario
def key_change(bench: Bench) -> None:
    """A changed key ends the old row and begins another."""
    asks = bench.product.log.mirror["opportunity_skills"]
    asked = next(row for row in asks.values() if row["opportunity_id"] == OPPORTUNITY)
    free = next(skill for skill in range(1, 9) if (OPPORTUNITY, skill) not in asks)
    row, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY)
    moved = {**asked, "skill_id": free}
    bench.commit(NOW + HOUR, ("delete", "opportunity_skills", asked), ("update", "opportunity_skills", moved))
    later, *_ = bench.visit(NOW + 2 * HOUR, MEMBER, OPPORTUNITY)
    _made(bench)
    assert _gain(bench, "opportunity_skill_count", row, later) == 0


@scenario
def truncate(bench: Bench) -> None:
    """A truncated table is empty for what comes after it."""
    rows = list(bench.product.log.mirror["opportunity_skills"].values())
    row, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY)
    bench.commit(NOW + HOUR, *(("delete", "opportunity_skills", asked) for asked in rows))
    for told in bench.product.log.history["opportunity_skills"][-len(rows) :]:
        told["_op"] = "truncate"  # type: ignore[index]  # rows are dicts
    later, *_ = bench.visit(NOW + 2 * HOUR, MEMBER, OPPORTUNITY)
    _made(bench)
    before, after = _values(bench, "opportunity_skill_count", row, later)
    assert before
    assert after == 0


# ---------- 6: ties, NULLs, no history


@scenario
def tie(bench: Bench) -> None:
    """Of several changes of one row in one transaction the last one holds."""
    changes = (("update", "members", {"id": MEMBER, "level": value}) for value in (5, 9, 2))
    bench.commit(NOW - MINUTE, *changes)
    row, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY)
    _made(bench)
    assert _values(bench, "member_level", row) == [2]


@scenario
def own_transaction(bench: Bench) -> None:
    """What the transaction of the request wrote itself was not known to the model that it asked."""
    was = bench.row("members", MEMBER)["level"]
    row, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY, with_it=[("update", "members", {"id": MEMBER, "level": 77})])
    _made(bench)
    assert _values(bench, "member_level", row) == [was]


@scenario
def null_value(bench: Bench) -> None:
    """A value that became NULL is NULL, and not the one before."""
    bench.commit(NOW - HOUR, ("update", "members", {"id": MEMBER, "weekly_capacity_hours": None}))
    row, *_ = bench.visit(NOW, MEMBER, OPPORTUNITY)
    _made(bench)
    assert bench.values(row, "member_capacity_hours", "is_left_censored") == (None, False)


@scenario
def no_history(bench: Bench) -> None:
    """A member without a history before the request is left censored."""
    member = 9_500
    login = {
        **next(iter(bench.product.log.mirror["users"].values())),
        "id": UUID(int=9_500),
        "email": "new@example.com",
    }
    person = {**bench.row("members", MEMBER), "id": member, "user_id": login["id"], "employee_number": "new"}
    consent = {"id": 9_500, "client_id": 1, "member_id": member, "granted_at": NOW, "purpose": "ml_training"}
    made = [("insert", "users", login), ("insert", "members", person), ("insert", "consents", consent)]
    row, *_ = bench.visit_of(NOW, member, OPPORTUNITY, client=1, with_it=made)
    _made(bench)
    assert bench.values(row, "member_level", "is_left_censored") == (None, True)


# ---------- 10 and 11: tenants, consent


@scenario
def foreign_opportunity(bench: Bench) -> None:
    """A sight of another client's opportunity, which nothing in the product forbids, is no example."""
    theirs = next(row for row in bench.product.log.mirror["opportunities"].values() if row["client_id"] == 2)
    row, *_ = bench.visit(NOW, MEMBER, theirs["id"])  # type: ignore[arg-type]  # an id
    _made(bench)
    assert not bench.has(row)


@scenario
def withdrawn_consent(bench: Bench) -> None:
    """Who withdraws consent today is absent from a dataset as of long ago; likewise who is erased, who opts out."""
    as_of = START + 45 * DAY
    assert {MEMBER, MEMBER + 1, 14} <= bench.members(bench.pull(spec(), as_of))
    consents = bench.product.log.mirror["consents"].values()
    given = next(row for row in consents if row["member_id"] == MEMBER and row["purpose"] == "ml_training")
    bench.commit(NOW, ("update", "consents", {"id": given["id"], "withdrawn_at": NOW}))
    erased = {"id": 1, "client_id": 1, "subject": bench.row("members", MEMBER + 1)["user_id"], "requested_at": NOW}
    bench.commit(NOW, ("insert", "erasure_requests", erased))
    bench.load()
    bench.build()
    assert {MEMBER, MEMBER + 1, 14} & bench.members(bench.pull(spec(), as_of)) == {14}
    bench.commit(NOW, ("update", "clients", {"id": 2, "ml_opt_out": True}))
    bench.load()
    bench.build()
    assert 14 not in bench.members(bench.pull(spec(), as_of))


def _made(bench: Bench) -> None:
    bench.load()
    bench.build()


def _skill(bench: Bench, skill: int) -> dict[str, object]:
    number = bench.product.new("member_skills")
    return {"id": number, "client_id": 1, "member_id": MEMBER, "skill_id": skill, "level": 5, "source": "self"}


def _held(bench: Bench) -> dict[str, object]:
    rows = bench.product.log.mirror["member_skills"].values()
    return dict(next(row for row in rows if row["member_id"] == MEMBER))


def _values(bench: Bench, column: str, *rows: int) -> list[object]:
    return [bench.values(row, column)[0] for row in rows]


def _gain(bench: Bench, column: str, earlier: int, later: int) -> int:
    one, other = _values(bench, column, earlier, later)
    return int(str(other)) - int(str(one))


def differing(one: Path, other: Path) -> dict[str, int]:
    """Count by column the rows of two datasets that are not the same; under (rows) those that only one has."""
    with duckdb.connect() as run:
        for name, directory in (("one", one), ("other", other)):
            run.execute(f"create view {name} as select * from '{directory}/*/*.parquet'")
        columns = [name for name, *_ in run.execute("describe one").fetchall() if name != "example_id"]
        counts = ", ".join(f"count(*) filter (one.{name} is distinct from other.{name})" for name in columns)
        (found,) = run.execute(f"select {counts} from one join other using (example_id)").fetchall()
        ids = "select example_id from {} except select example_id from {}"
        alone = sum(len(run.execute(ids.format(*pair)).fetchall()) for pair in (("one", "other"), ("other", "one")))
    return {name: count for name, count in zip([*columns, "(rows)"], [*found, alone], strict=True) if count}
