"""Build a small warehouse as the load would leave it: mirrors, histories, events, machinery.

    python -m tests.models.small_warehouse PATH [SEED [unruly]]

Two clients in far time zones, some members, sixty days of recommendations, clicks, applications and hires. Tables and
types come from demo/schema.sql and demo/tracking_plan.yaml. Every change goes through `Log`, which keeps mirror and
history in step as the load does. Same seed, same rows. It knows nothing of the demo's simulator: the models shall not
depend on its habits.
"""

from __future__ import annotations

import json
import random
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import yaml

from tests.models import small_machinery, unruly
from tests.models.small_tables import app_tables, event_tables, snake
from tests.models.small_turns import turns

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAYS = 60
MACHINERY_TYPES = {
    "_op": "VARCHAR",
    "_epoch": "BIGINT",
    "_lsn": "BIGINT",
    "_seq": "BIGINT",
    "_commit_at": "TIMESTAMPTZ",
}
KEYS = {
    "skill_relations": ("from_skill_id", "to_skill_id", "relation"),
    "opportunity_skills": ("opportunity_id", "skill_id"),
    "opportunity_hiring_team": ("opportunity_id", "member_id", "role"),
    "scorecards": ("interview_id",),
    "member_demographics": ("member_id",),
    "audit_log_raw": (),  # no key: rows may be equal
}
FULL = ("member_skills",)  # replica identity full: a deletion tells the whole row
Row = Mapping[str, object]


@dataclass(slots=True)
class Log:
    """Committed changes in order. A transaction is a call of `commit`; all its rows share position and time."""

    tables: Mapping[str, Mapping[str, str]]
    mirror: dict[str, dict[tuple[object, ...], Row]] = field(default_factory=dict)
    history: dict[str, list[Row]] = field(default_factory=dict)
    clock: list[tuple[int, datetime]] = field(default_factory=list)
    lsn: int = 1_000
    epoch: int = 1

    def commit(self, at: datetime, changes: list[tuple[str, str, Row]]) -> None:
        """Append one transaction: (operation, table, row); an update names the key and what changes."""
        self.lsn += 8
        self.clock.append((self.lsn, at))
        for number, (op, table, row) in enumerate(changes):
            rows = self.mirror.setdefault(table, {})
            key = tuple(row[column] for column in KEYS.get(table, ("id",))) or (len(rows),)
            if op == "delete":
                new: Row = row if table in FULL else {name: row[name] for name in KEYS.get(table, ("id",))}
                del rows[key]
            else:
                new = rows[key] = {**rows.get(key, {}), **row}
            machinery = {"_op": op, "_epoch": self.epoch, "_lsn": self.lsn, "_seq": 2 * number + 1, "_commit_at": at}
            self.history.setdefault(table, []).append({**new, **machinery})


def write(connection: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, str], rows: list[Row]) -> None:
    """Create a table and fill it; values the rows do not give are NULL."""
    definition = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"create table {relation} ({definition})")
    if rows:
        data = pa.table({name: [_plain(row.get(name)) for row in rows] for name in columns})
        connection.register("incoming", data)
        casts = ", ".join(f'cast("{name}" as {kind})' for name, kind in columns.items())
        connection.execute(f"insert into {relation} select {casts} from incoming")
        connection.unregister("incoming")


def _plain(value: object) -> object:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return str(value) if isinstance(value, uuid.UUID) else value


def build(path: Path, seed: int = 7, is_unruly: bool = False) -> None:
    """Write the whole warehouse to a new file."""
    product = Product(random.Random(seed), is_unruly=is_unruly)
    product.copy()
    for day in range(DAYS):
        product.live(START + timedelta(days=day))
        for changes in turns(day, START + timedelta(days=day, hours=16), product.log.mirror):
            product.log.commit(START + timedelta(days=day, hours=16), changes)
    save(product, path, START + timedelta(days=DAYS))


def save(product: Product, path: Path, end: datetime) -> None:
    """Write all that happened up to `end` to a new file."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path), config={"storage_compatibility_version": "v1.5.0"}) as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.execute(small_machinery.TABLES)
        for schema in ("raw_app", "raw_app_history", "raw_segment", "restricted", "restricted_history"):
            connection.execute(f"create schema {schema}")
        for table, columns in product.log.tables.items():
            schema = "restricted" if table == "member_demographics" else "raw_app"
            history = "restricted_history" if schema == "restricted" else "raw_app_history"
            write(connection, f"{schema}.{table}", columns, list(product.log.mirror.get(table, {}).values()))
            write(connection, f"{history}.{table}", {**columns, **MACHINERY_TYPES}, product.log.history.get(table, []))
            connection.execute(
                "insert into _flux.tables values (?, ?, ?, 'streaming')",
                [f"public.{table}", f"{schema}.{table}", f"{history}.{table}"],
            )
        for table, columns in event_tables().items():
            write(connection, f"raw_segment.{table}", columns, product.events.get(table, []))
        loaded = len(product.events["tracks"]) + len(product.events["pages"]) + len(product.events["identifies"])
        small_machinery.fill(connection, product.log.clock, end, loaded)
        if product.is_unruly:
            unruly.machinery(connection)


@dataclass(slots=True)
class Product:
    """What happens in the product: a first copy, then days of live changes."""

    random: random.Random
    log: Log = field(default_factory=lambda: Log(app_tables()))
    events: dict[str, list[Row]] = field(default_factory=dict)
    next_id: dict[str, int] = field(default_factory=dict)
    copied: list[tuple[str, str, Row]] = field(default_factory=list)
    is_unruly: bool = False  # tests/models/unruly.py

    def new(self, table: str) -> int:
        """Return the next identity of a table."""
        self.next_id[table] = self.next_id.get(table, 0) + 1
        return self.next_id[table]

    def copy(self) -> None:
        """Fill the tables that exist before the log begins; all in one snapshot."""
        at = START - timedelta(days=1)
        for table, rows in yaml.safe_load((Path(__file__).parent / "small_product.yaml").read_text()).items():
            for row in rows:
                self._add(table, **{"created_at": at, "updated_at": at, **row})
        for client in (1, 2):
            for number, kind in enumerate(("applied", "screen", "interview", "offer", "hired"), 1):
                for opened in ("job", "gig"):
                    stage = {"name": kind.title(), "kind": kind, "position": number, "opportunity_kind": opened}
                    self._add("stages", client_id=client, **stage)
            self._people(client, at)
        if self.is_unruly:
            unruly.before(self, at)
        self.log.commit(at, self.copied)

    def _add(self, table: str, **row: object) -> int:
        number = self.new(table)
        self.copied.append(("snapshot", table, row if table in KEYS else {"id": number, **row}))
        return number

    def _people(self, client: int, at: datetime) -> None:
        born = at - timedelta(days=300)
        written = {"client_id": client, "created_at": born, "updated_at": born}
        for number in range(12):
            user = self._uuid()
            login = {"id": user, "email": f"{number}@client-{client}.example", "full_name": f"Person {number}"}
            self.copied.append(("snapshot", "users", {**login, **written, "roles": "{member}", "timezone": "UTC"}))
            place = {"org_unit_id": 2 * client, "job_architecture_id": 2 * client - number % 2, "location_id": client}
            wishes = {"open_to": "{job,gig}", "weekly_capacity_hours": 8, "profile_completeness": 0.5}
            work = {"worker_type": "employee", "title": "Clerk", "level": 2 + number % 3, "salary_band": "[40,60)"}
            person = {"user_id": user, "employee_number": f"{client}-{number}", "hired_on": born.date()}
            member = self._add("members", **written, **person, **place, **wishes, **work)
            for skill in self.random.sample(range(1, 9), 3):
                held = {"member_id": member, "skill_id": skill, "level": 1 + skill % 5, "source": "self"}
                held["confidence"] = 0.9
                self._add("member_skills", **written, **held)
            for purpose in ("matching",) if number == 11 else ("matching", "ml_training"):
                self._add("consents", client_id=client, member_id=member, purpose=purpose, granted_at=born)
            told = {
                "sex": ("Female", "Male", None)[number % 3],
                "race_ethnicity": ("White", "Asian; White")[number % 2],
            }
            self._add("member_demographics", member_id=member, client_id=client, self_identified_at=born, **told)
        for number in range(6):
            self.copied.extend(
                self._opportunity(client, "gig" if number % 3 == 2 else "job", born + timedelta(days=280), "snapshot")
            )

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def _opportunity(self, client: int, kind: str, at: datetime, op: str) -> list[tuple[str, str, Row]]:
        number = self.new("opportunities")
        place = {"org_unit_id": 2 * client - 1, "location_id": client, "job_architecture_id": 2 * client}
        terms = {"kind": kind, "title": f"{kind} {number}", "openings": 1 + number % 2, "hours_per_week": 8}
        times = {"approved_at": at, "opened_at": at, "created_at": at, "updated_at": at}
        opened = {"id": number, "client_id": client, "status": "open", "hiring_manager_id": 12 * client - 11}
        asked: list[tuple[str, str, Row]] = [
            (op, "opportunity_skills", {"opportunity_id": number, "client_id": client, **ask})
            for skill in self.random.sample(range(1, 9), 3)
            for ask in [
                {"skill_id": skill, "importance": 1 + skill % 5, "min_level": 1 + skill % 3, "is_required": True}
            ]
        ]
        return [(op, "opportunities", {**opened, **place, **terms, **times}), *asked]

    def live(self, day: datetime) -> None:
        """Let one day happen: some lists are asked for, seen, clicked; some people apply; some applications move on."""
        chance = self.random.random
        if self.is_unruly:
            unruly.happen(self, (day - START).days, day)
        if day.weekday() == 0:
            self.log.commit(day, self._opportunity(1 + int(chance() < 0.5), "job", day, "insert"))
        if chance() < 0.2:
            member = self.random.choice(self._living("members"))
            change = {"id": member["id"], "level": self.random.randint(1, 5), "updated_at": day}
            self.log.commit(day, [("update", "members", change)])
        if day == START + timedelta(days=40):
            skill = next(iter(self.log.mirror["member_skills"].values()))
            self.log.commit(day, [("delete", "member_skills", skill)])
            self.log.commit(day, [("update", "consents", {"id": 2, "withdrawn_at": day})])
        hours = sorted(self.random.sample(range(1, 14), 6))
        for hour, member in zip(hours, self.random.sample(self._living("members"), 6), strict=True):
            at = day + timedelta(hours=hour, minutes=self.random.randrange(30))
            self._track(member, "pages", at, name="Home", path="/", title="Home")
            self._visit(member, at)
        for application in list(self.log.mirror.get("applications", {}).values()):
            if application["status"] == "active" and chance() < 0.15:
                self._advance(application, day + timedelta(hours=15))

    def _living(self, table: str) -> list[Row]:
        return [row for row in self.log.mirror[table].values() if row.get("deleted_at") is None]

    def _visit(self, member: Row, at: datetime) -> None:
        client, request = member["client_id"], self._uuid()
        opportunities = self._living("opportunities")
        open_ones = [row for row in opportunities if row["client_id"] == client and row["status"] == "open"]
        shown = self.random.sample(open_ones, min(3, len(open_ones)))
        model = {"model_version_id": 1 + int(at > START + timedelta(days=20)), "channel": "homepage", "surface": "web"}
        asked = {"id": request, "client_id": client, "member_id": member["id"], "requested_at": at}
        counts = {"candidate_count": len(open_ones), "latency_ms": 40}
        changes: list[tuple[str, str, Row]] = [("insert", "recommendation_requests", {**asked, **model, **counts})]
        seen = []
        for rank, opportunity in enumerate(shown, 1):
            recommendation = self.new("match_recommendations")
            pair = {"client_id": client, "member_id": member["id"], "opportunity_id": opportunity["id"]}
            ranked = {
                "rank": rank,
                "score": 1 / (rank + 1),
                "propensity": 0.5 / rank,
                "is_exploration": recommendation % 4 == 0,
            }
            served = {"id": recommendation, "request_id": request, **pair, **ranked, "created_at": at}
            changes.append(("insert", "match_recommendations", served))
            if self.random.random() < 0.8:
                seen.append((recommendation, rank, pair))
        self.log.commit(at, changes)
        applying = []
        for recommendation, rank, pair in seen:
            shown_at = at + timedelta(seconds=5 * rank)
            sight = {"id": self.new("match_impressions"), "recommendation_id": recommendation, **pair, "position": rank}
            view = {"viewport_ms": 1500, "shown_at": shown_at, "channel": "homepage"}
            self.log.commit(shown_at, [("insert", "match_impressions", {**sight, **view})])
            ids = {"recommendation_id": recommendation, "opportunity_id": pair["opportunity_id"], "position": rank}
            self._track(member, "Recommendation Viewed", shown_at, request_id=str(request), visible_ms=1500, **ids)
            if self.random.random() < 0.3:
                clicked_at = at + timedelta(minutes=1 + rank)
                self._track(member, "Recommendation Clicked", clicked_at, **ids)
                if self.random.random() < 0.5:
                    applying.append((pair, recommendation))

        for number, (pair, recommendation) in enumerate(applying):
            self._apply(member, pair, recommendation, at + timedelta(minutes=10 + number))

    def _apply(self, member: Row, pair: Row, recommendation: int, at: datetime) -> None:
        taken = {(row["member_id"], row["opportunity_id"]) for row in self.log.mirror.get("applications", {}).values()}
        if (pair["member_id"], pair["opportunity_id"]) in taken:
            return
        kind = self.log.mirror["opportunities"][(pair["opportunity_id"],)]["kind"]
        stage = self._stages(member["client_id"], kind)[0]
        number = self.new("applications")
        times = {"applied_at": at, "created_at": at, "updated_at": at}
        way = {"recommendation_id": recommendation, "source": "recommended", "status": "active"}
        entry = {"client_id": member["client_id"], "application_id": number, "to_stage_id": stage, "moved_at": at}
        self.log.commit(
            at,
            [
                ("insert", "applications", {"id": number, **pair, **way, "current_stage_id": stage, **times}),
                ("insert", "application_stage_events", {"id": self.new("application_stage_events"), **entry}),
            ],
        )
        self._track(member, "Application Submitted", at, application_id=number, opportunity_id=pair["opportunity_id"])

    def _stages(self, client: object, kind: object) -> list[object]:
        rows = self.log.mirror["stages"].values()
        return [row["id"] for row in rows if row["client_id"] == client and row["opportunity_kind"] == kind]

    def _advance(self, application: Row, at: datetime) -> None:
        """Move an application one stage on (sometimes two), or reject it, or let the member withdraw."""
        opportunity = self.log.mirror["opportunities"][(application["opportunity_id"],)]
        stages = self._stages(application["client_id"], opportunity["kind"])
        if application["current_stage_id"] not in stages:
            return  # its opportunity is of another kind since, with stages of its own
        fate, place = self.random.random(), stages.index(application["current_stage_id"])
        change: dict[str, object] = {"id": application["id"], "updated_at": at}
        changes: list[tuple[str, str, Row]] = [("update", "applications", change)]
        if fate < 0.3:
            change.update(status="rejected", rejected_at=at, reject_reason_id=application["client_id"])
        elif fate < 0.35:
            change.update(status="withdrawn", withdrawn_at=at)
        else:
            place = min(place + 1 + int(fate > 0.9), len(stages) - 1)
            change.update(current_stage_id=stages[place])
            moved = {"id": self.new("application_stage_events"), "application_id": application["id"], "moved_at": at}
            route = {"from_stage_id": application["current_stage_id"], "to_stage_id": stages[place]}
            row = {"client_id": application["client_id"], **moved, **route}
            changes.append(("insert", "application_stage_events", row))
            if place == len(stages) - 1:
                change.update(status="hired", hired_at=at)
                changes.append(
                    ("update", "opportunities", {"id": opportunity["id"], "status": "filled", "filled_at": at})
                )
                who = {key: application[key] for key in ("client_id", "member_id", "opportunity_id")}
                move = {"id": self.new("assignments"), "application_id": application["id"], "started_on": at.date()}
                changes.append(("insert", "assignments", {**who, **move, "hours_logged": 0}))
        self.log.commit(at, changes)

    def _track(self, member: Row, event: str, at: datetime, **properties: object) -> None:
        """Record a call of the web app; the member's first one also identifies the device."""
        user = str(member["user_id"])
        call = {"anonymous_id": f"device-{user}", "user_id": user, "received_at": at, "timestamp": at, "uuid_ts": at}
        common = {"client_id": member["client_id"], "surface": "web", "app_version": "1"}
        if not any(row["user_id"] == user for row in self.events.setdefault("identifies", [])):
            self.events["identifies"].append({"id": f"identify-{user}", **call, **common, "role": "member"})
        call["id"] = f"message-{self.new('messages')}"
        table = "pages" if event == "pages" else snake(event)
        named = {} if event == "pages" else {"event": table, "event_text": event}
        self.events.setdefault(table, []).append({**call, **named, **common, **properties})
        if named:
            self.events.setdefault("tracks", []).append({**call, **named})


if __name__ == "__main__":
    build(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 7, "unruly" in sys.argv[3:])
