"""What befalls a warehouse between two builds: what is usual, what comes late, what is taken back.

Each method of `Changes` that begins with `step_` is one increment; `ANEW` names those after which nothing tells what
changed, so that kept facts must be made anew. Rows are drawn with the seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.models.small_turns import turns
from tests.models.small_warehouse import START, Product

Row = Mapping[str, object]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DRAFTS = 100_000  # opportunities of so high ids nobody applies to: they may go
ANEW = ("a_copy_that_came_late", "a_clock_set_back")


@dataclass
class Changes:
    """A small product that lived for some days and goes on; `at` is its now, `loaded_at` that of the loader."""

    chance: random.Random
    product: Product = field(init=False)
    day: int = 0
    at: datetime = START
    loaded_at: datetime = START
    gone: list[tuple[str, Row]] = field(default_factory=list)
    loaded: dict[str, int] = field(default_factory=dict)
    unnamed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.product = Product(self.chance)
        self.product.copy()
        for _ in range(16):
            self.step_a_day()
        self._visit_without_a_name()
        self.load()

    def load(self) -> None:
        """Let the events that happened since be loaded now."""
        self.loaded_at = max(self.loaded_at, self.at) + timedelta(minutes=1)
        for table, rows in self.product.events.items():
            for row in rows[self.loaded.get(table, 0) :]:
                row["uuid_ts"] = self.loaded_at  # type: ignore[index]  # rows are dicts
            self.loaded[table] = len(rows)

    def step_a_day(self) -> None:
        self.day += 1
        self.at = START + self.day * DAY
        self.product.live(self.at)
        for changes in turns(self.day, self.at + 16 * HOUR, self.product.log.mirror):
            self.product.log.commit(self.at + 16 * HOUR, changes)
        self.at += 20 * HOUR

    def step_nothing(self) -> None:
        """Neither rows nor time."""

    def step_time_passes(self) -> None:
        """A change that no fact reads, nine days on: windows close, open things grow old."""
        self.day += 9
        self.at += 9 * DAY
        self._commit("update", "users", self._some("users", 1), lambda row: {"locale": "de"})

    def step_rows_change(self) -> None:
        def moved(row: Row) -> Row:
            about = self._some("match_recommendations", 1)[0]
            pair = {name: about[name] for name in ("client_id", "member_id", "opportunity_id")}
            return {"recommendation_id": about["id"], **pair}

        def elsewhere(row: Row) -> Row:
            opportunities = [o for o in self._all("opportunities") if o["status"] != "draft"]
            peers = [o["id"] for o in opportunities if o["client_id"] == row["client_id"]]
            return {"opportunity_id": self.chance.choice(peers)}

        self._change("applications", 3, lambda row: {"deleted_at": None if row.get("deleted_at") else self.at})
        self._change("applications", 2, lambda row: {"status": "rejected", "rejected_at": self.at})
        self._change("applications", 2, elsewhere)
        self._change("opportunities", 3, lambda row: {"title": f"Renamed {self.day}", "openings": 2})
        self._change("opportunities", 1, lambda row: {"deleted_at": None if row.get("deleted_at") else self.at})
        drafted = {"id": DRAFTS + self.product.new("opportunities"), "status": "draft"}
        self._commit("insert", "opportunities", self._some("opportunities", 1), lambda row: drafted)
        self._change("match_impressions", 4, moved)
        self._change("match_impressions", 4, lambda row: {"position": 9, "shown_at": self._shifted(row["shown_at"])})
        self._change("match_recommendations", 3, lambda row: {"score": 0.25, "is_exploration": True})
        self._change("recommendation_requests", 2, lambda row: {"model_version_id": 2, "variant": "b"})
        self._change("application_stage_events", 3, lambda row: {"moved_at": self._shifted(row["moved_at"])})
        self._change("match_feedback", 2, lambda row: {"kind": "thumbs_down"})
        self._change("opportunity_skills", 2, lambda row: {"is_required": not row["is_required"]})

    def step_people_change(self) -> None:
        """Skills from now on, employments of the past, and to whom a device leads, with all that it ever called."""
        self._change("member_skills", 3, lambda row: {"level": row["level"] % 5 + 1})  # type: ignore[operator]
        self._change("member_skills", 1, lambda row: {"deleted_at": None if row.get("deleted_at") else self.at})
        self._change("members", 1, lambda row: {"hired_on": row["hired_on"] - 40 * DAY})  # type: ignore[operator]
        self._change("members", 1, lambda row: {"terminated_on": (self.at - 5 * DAY).date()})
        (other,), identifies = self._some("members", 1), self.product.events["identifies"]
        known = {"anonymous_id": self.unnamed.pop(0), "user_id": str(other["user_id"])}
        identifies.append({**identifies[-1], **known, "id": f"again-{self.product.new('messages')}"})
        self._visit_without_a_name()

    def _visit_without_a_name(self) -> None:
        """Two pages seen before somebody logs in, ten minutes apart; who the device leads to tells whose they are."""
        (member,) = self._some("members", 1)
        for minutes in (0, 10):
            at = self.at - timedelta(minutes=minutes)
            self.product._track(member, "pages", at, name="Home", path="/", title="Home")
            self.product.events["pages"][-1]["user_id"] = None  # type: ignore[index]  # rows are dicts
        self.unnamed.append(f"device-{member['user_id']}")

    def step_dimensions_change(self) -> None:
        zone = self.chance.choice(("Asia/Tokyo", "Pacific/Auckland", "Europe/Lisbon"))
        self._change("clients", 1, lambda row: {"settings": {"timezone": zone}})
        self._change("stages", 2, lambda row: {"name": "Renamed", "kind": "assessment"})
        self._change("reject_reasons", 1, lambda row: {"code": f"code-{self.day}"})
        self._change("opportunities", 2, lambda row: {"kind": "gig" if row["kind"] == "job" else "job"})
        self._change("locations", 1, lambda row: {"country": "PT" if row["country"] == "DE" else "DE"})
        self._change("job_architecture", 1, lambda row: {"family": f"Family {self.day}"})

    def step_rows_go(self) -> None:
        for table, count in (
            ("match_impressions", 4), ("match_recommendations", 3), ("match_feedback", 1), ("applications", 2),
            ("application_stage_events", 3), ("recommendation_requests", 1),
        ):  # fmt: skip
            rows = self._some(table, count)
            self.gone += [(table, row) for row in rows]
            self._commit("delete", table, rows, lambda row: {})
        drafts = [row for row in self._all("opportunities") if row["id"] > DRAFTS]  # type: ignore[operator]
        self._commit("delete", "opportunities", drafts, lambda row: {})

    def step_rows_come_back(self) -> None:
        for table, row in self.gone:
            self._commit("insert", table, [row], lambda row: dict(row))
        self.gone.clear()

    def step_keys_change(self) -> None:
        """Old key out, new key in, in one transaction: as the load tells an update of a key."""
        for table in ("match_recommendations", "match_impressions", "applications"):
            (row,) = self._some(table, 1)
            new = {**row, "id": 100_000 + self.product.new(table)}
            self.product.log.commit(self.at, [("delete", table, row), ("update", table, new)])

    def step_late_clicks(self) -> None:
        """Clicks of the past, at the border of their window too, and a first page before the first page."""
        members = self.product.log.mirror["members"]
        for sight in self._some("match_impressions", 6):
            shown_at, about = sight["shown_at"], {k: sight[k] for k in ("recommendation_id", "opportunity_id")}
            assert isinstance(shown_at, datetime)
            for after in (HOUR, 24 * HOUR):
                member = members[sight["member_id"],]
                self.product._track(member, "Recommendation Clicked", shown_at + after, **about)
        early = START + self.chance.randrange(1, 30) * timedelta(minutes=10)
        self.product._track(self._some("members", 1)[0], "pages", early, name="Home", path="/", title="Home")

    def step_a_truncate(self) -> None:
        """A table is emptied, and filled with half of it."""
        log, rows = self.product.log, self._all("match_feedback")
        self._commit("delete", "match_feedback", rows, lambda row: {})
        for told in log.history["match_feedback"][len(log.history["match_feedback"]) - len(rows) :]:
            told["_op"] = "truncate"  # type: ignore[index]  # rows are dicts
        self._commit("insert", "match_feedback", rows[::2], lambda row: dict(row))

    def step_copied_again(self) -> None:
        """Changes that nobody told one by one: a new copy tells the differences."""
        for table in ("match_impressions", "match_recommendations", "applications", "application_stage_events"):
            self._commit("resync", table, self._some(table, 3), lambda row: {"client_id": row["client_id"]})
            self._commit("delete", table, self._some(table, 1), lambda row: {})

    def step_a_copy_that_came_late(self) -> None:
        """Its differences are told at a position that was read already."""
        log = self.product.log
        log.lsn -= 8_000
        self._change("match_recommendations", 2, lambda row: {"rank": 99})
        self._change("applications", 2, lambda row: {"source": "invited"})
        log.lsn += 8_000

    def step_a_new_epoch(self) -> None:
        """Positions start over, below those of before."""
        log = self.product.log
        log.epoch, log.lsn = log.epoch + 1, 16
        self._change("match_impressions", 3, lambda row: {"position": 8})
        self._change("applications", 2, lambda row: {"source": "referral"})

    def step_a_clock_set_back(self) -> None:
        """The loader's clock: clicks come in with a time before that of clicks that were read."""
        self.step_late_clicks()
        self.load()
        for row in self.product.events["recommendation_clicked"][-3:]:
            row["uuid_ts"] = START  # type: ignore[index]  # rows are dicts
        self._change("applications", 1, lambda row: {"source": "search"})

    def steps(self, count: int) -> Iterator[tuple[str, Callable[[], None]]]:
        """Every step in a random order, then more of them up to `count`; usual ones oftener."""
        names = [name for name in dir(self) if name.startswith("step_")]
        order = self.chance.sample(names, len(names))
        usual = [name for name in names if name.removeprefix("step_") not in ANEW]
        order += self.chance.choices(usual, k=max(count - len(order), 0))
        return self.named([name.removeprefix("step_") for name in order])

    def named(self, names: Iterable[str]) -> Iterator[tuple[str, Callable[[], None]]]:
        """These steps, in this order."""
        return ((name, getattr(self, f"step_{name}")) for name in names)

    def _all(self, table: str) -> list[Row]:
        return list(self.product.log.mirror.get(table, {}).values())

    def _some(self, table: str, count: int) -> list[Row]:
        rows = self._all(table)
        return self.chance.sample(rows, min(count, len(rows)))

    def _change(self, table: str, count: int, change: Callable[[Row], Row]) -> None:
        self._commit("update", table, self._some(table, count), change)

    def _commit(self, op: str, table: str, rows: list[Row], change: Callable[[Row], Row]) -> None:
        for row in rows:
            self.product.log.commit(self.at, [(op, table, {**row, **change(row)})])

    def _shifted(self, moment: object) -> datetime:
        assert isinstance(moment, datetime)
        return moment + self.chance.choice((-30, -2, 2, 25)) * HOUR
