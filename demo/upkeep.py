"""What each day brings: visits, new drafts, people who come and go, digests, reviews; and what happens only once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from demo import offers, visits
from demo.config import DAY, HOUR, MINUTE, SECOND, day_of
from demo.erasure import request_erasure
from demo.notes import audit, notify
from demo.people import add_member
from demo.profile import set_level
from demo.season import is_workday, traffic, utc_offset
from demo.story import Delete, Insert, Regretted, Transaction, Truncate
from demo.tables import TABLES
from demo.taxonomy import taxonomy
from demo.world import Client, Member, MemberSkill

if TYPE_CHECKING:
    from demo.simulation import Action, Simulation

# Per member and ordinary working day.
VISITS = 0.0262
DRAFTS = 0.00062
JOINERS, LEAVERS, ERASURES = 0.00022, 0.0002, 0.000008
INFERRED = 0.0012
DIGEST = 0.055  # of members, each Monday
AUDIT_DAYS = 150


def deploy_engines(simulation: Simulation) -> None:
    """Tell which versions of the engine were deployed before the story began."""
    from demo.simulation import ENGINES

    start, story = simulation.start, simulation.begin(simulation.start)
    for engine, age, dataset, git in zip(
        ENGINES[:2], (420, 200), (None, "match-2024a"), ("9c1f0e7a", "e04b77d2"), strict=True
    ):
        params = json.dumps({"exploration": 0.1, "features": ["fit", "popularity"][: engine.id]})
        retired = start - 199 * DAY if engine.id == 1 else None
        story.insert(
            "model_versions",
            (engine.id, engine.name, engine.version, git, dataset, start - age * DAY, retired, params),
        )


def milestones(simulation: Simulation) -> Iterator[tuple[int, Action]]:
    """What happens once, at set shares of the time after day 0."""
    zero, span = simulation.day_zero, simulation.config.days * DAY
    yield simulation.experiment_from - HOUR, _deploy_new_engine
    yield simulation.experiment_to, _retire_old_engine
    yield zero + int(0.41 * span), _release_taxonomy
    yield zero + int(0.77 * span), _release_taxonomy
    yield zero + int(0.55 * span), _reorganise


def plan_day(simulation: Simulation, at: int) -> None:
    """Put one day of all clients on the agenda; `at` is midnight UTC."""
    chance, day = simulation.chance, day_of(at)
    for client in simulation.clients:
        level = traffic(client.region, day)
        midnight = at - utc_offset(client.company.timezone, day)
        activity = np.array(client.activity)
        for place in np.flatnonzero(simulation.numbers.random(len(activity)) < VISITS * level * activity).tolist():
            hour = chance.gauss(10.4, 1.3) if chance.random() < 0.55 else chance.gauss(15.3, 2.2)
            moment = midnight + int(min(22.5, max(6.0, hour)) * HOUR)
            simulation.schedule(max(at + MINUTE, moment), visits.visit, client.members[place])
        simulation.schedule(max(at, midnight + 2 * HOUR + client.id * MINUTE), _nightly, client)
        if not is_workday(client.region, day):
            continue
        size = len(client.members)
        for rate, action in (
            (DRAFTS, offers.draft), (JOINERS, _join), (LEAVERS, _leave), (ERASURES, request_erasure),
            (INFERRED / 12, _infer_skills),
        ):  # fmt: skip
            # Even a tiny company has something on offer now and then.
            expected = max(rate * size, 0.12 if action is offers.draft else 0.0) * min(1.3, level)
            for _ in range(int(simulation.numbers.poisson(expected))):
                moment = midnight + int((9 + 8 * chance.random()) * HOUR)
                simulation.schedule(max(at + MINUTE, moment), action, client)
        if day.weekday() == 0:
            simulation.schedule(max(at, midnight + 8 * HOUR), _send_digest, client)
        if day.day == 15 + client.id:
            simulation.schedule(max(at, midnight + 18 * HOUR), _review_skills, client)
    simulation.schedule(at + DAY, plan_day)


def _nightly(simulation: Simulation, at: int, client: Client) -> None:
    """Housekeeping: a trace in the audit log (twice when the job was started twice), old traces deleted."""
    chance, story = simulation.chance, simulation.begin(at)
    twice = chance.random() < 0.05
    for _ in range(2 if twice else 1):
        audit(story, at, client, None, "nightly.run", "clients", client.id, seats=len(client.members))
    if twice and at >= simulation.day_zero:
        # One of two equal rows is deleted again: a table without a key must lose exactly one.
        key = {"at": at, "client_id": client.id, "action": "nightly.run"}
        simulation.schedule(at + 3 * HOUR, _delete_double, key)
    if at >= simulation.day_zero and day_of(at).day == 3:
        story.changes.append(
            Delete(TABLES["audit_log_raw"], {"client_id": client.id}, before=("at", at - AUDIT_DAYS * DAY))
        )
    if chance.random() < 0.1:
        member = chance.choice(client.members)
        row = (
            simulation.next_id("notifications"), client.id, member.id, "in_app", "reminder", "{}", at, at, None, None,
            False,
        )  # fmt: skip
        story.changes.append(Regretted([Insert(TABLES["notifications"], [row])]))
    if chance.random() < 0.004:
        settings = {"timezone": client.company.timezone, "licensed_seats": int(len(client.members) * 1.15)}
        settings |= {"currency": client.company.currency, "features": {"mentorship": True, "gigs": True}}
        story.update("clients", client.id, settings=json.dumps(settings), updated_at=at)


def _delete_double(simulation: Simulation, at: int, key: dict[str, object]) -> None:
    simulation.begin(at).changes.append(Delete(TABLES["audit_log_raw"], key, only_one=True))


def _join(simulation: Simulation, at: int, client: Client) -> None:
    """Somebody joins a team; one in eight has worked here before and gets a second employment under the same login."""
    chance, story = simulation.chance, simulation.begin(at)
    lead = chance.choice([member for member in client.members if member.is_manager and member.is_active])
    peers = [member for member in client.members if member.manager is lead and member.is_active] or [lead]
    gone = [member for member in client.members if not member.is_active and member.logins >= 0]
    rehired = chance.choice(gone) if gone and chance.random() < 0.125 else None
    level = chance.choices((1, 2, 3, 4, 5), (20, 28, 27, 17, 8))[0]
    occupation = chance.choice(peers).occupation
    if rehired is not None:
        rehired.logins = -1  # nobody is hired again twice
    member = add_member(
        simulation, story, client, occupation, level, lead.org_unit, lead, is_manager=False, at=at, rehired=rehired
    )
    notify(simulation, story, at + MINUTE, member, "email", "welcome")
    audit(story, at, client, client.recruiters[0], "member.joined", "members", member.id)


def _leave(simulation: Simulation, at: int, client: Client) -> None:
    """Somebody leaves: the employment ends, the login is closed, the team goes to the manager above."""
    chance = simulation.chance
    staying = [member for member in client.members if member.is_active and member.level < 7]
    if len(staying) < 12:
        return
    member = chance.choice(staying)
    member.leave()
    story = simulation.begin(at)
    story.update("members", member.id, terminated_on=day_of(at), open_to=(), updated_at=at)
    story.update("users", member.user_id, is_active=False, updated_at=at)
    for report in [one for one in client.members if one.manager is member and one.is_active]:
        report.manager = member.manager
        story.update("members", report.id, manager_id=member.manager.id if member.manager else None, updated_at=at)
    if member.is_manager:
        member.is_manager = False
        heir = chance.choice([one for one in staying if one is not member])
        heir.is_manager, heir.role = True, "manager"
        story.update("users", heir.user_id, roles=("member", "manager"), updated_at=at)
    audit(story, at, client, client.recruiters[0], "member.left", "members", member.id)


def _infer_skills(simulation: Simulation, at: int, client: Client) -> None:
    """The engine infers skills of some members from their work and suggests them: one transaction for all of them."""
    chance, story = simulation.chance, simulation.begin(at)
    for member in chance.sample(client.members, min(12, len(client.members))):
        place = member.occupation.draw(chance)[0]
        if place in member.skills or not member.is_active:
            continue
        skill = MemberSkill(simulation.next_id("member_skills"), chance.choice((1, 2, 2, 3)), is_suggestion=True)
        member.skills[place] = skill
        client.book.set_level(member, place, skill.level)
        story.insert(
            "member_skills",
            (
                skill.id, client.id, member.id, place + 1, skill.level, "inferred", f"{chance.uniform(0.3, 0.7):.3f}",
                None, None, False, at, at, None,
            ),
        )  # fmt: skip


def _review_skills(simulation: Simulation, at: int, client: Client) -> None:
    """Managers review the skills of their people once a month: one large transaction of updates."""
    chance, story = simulation.chance, simulation.begin(at)
    for member in client.members:
        if member.is_active and chance.random() < 0.06:
            _review(simulation, story, at, member)


def _review(simulation: Simulation, story: Transaction, at: int, member: Member) -> None:
    chance = simulation.chance
    present = [place for place, skill in member.skills.items() if not skill.is_deleted]
    for place in chance.sample(present, min(2, len(present))):
        level = min(5, max(1, member.skills[place].level + chance.choice((-1, 0, 1, 1))))
        set_level(simulation, story, at, member, place, level)
        story.update("member_skills", member.skills[place].id, source="manager", confidence="0.950")


def _send_digest(simulation: Simulation, at: int, client: Client) -> None:
    """Monday's digest by e-mail: one transaction, one row for each member who gets it."""
    story, activity = simulation.begin(at), np.array(client.activity)
    wishes = np.where([member.has_digest for member in client.members], 1.4, 0.1)
    rates = DIGEST * wishes * np.minimum(2.0, 0.5 + activity) * (activity > 0)
    for place in np.flatnonzero(simulation.numbers.random(len(rates)) < rates).tolist():
        notify(simulation, story, at + 2 * SECOND, client.members[place], "email", "weekly_digest")


def _deploy_new_engine(simulation: Simulation, at: int) -> None:
    from demo.simulation import ENGINES

    engine, story = ENGINES[2], simulation.begin(at)
    params = json.dumps({"exploration": 0.1, "features": ["fit", "popularity", "kind", "location", "level"]})
    row = (engine.id, engine.name, engine.version, "51aa90bc", "match-2025c", at, None, params)
    story.insert("model_versions", row)


def _retire_old_engine(simulation: Simulation, at: int) -> None:
    simulation.begin(at).update("model_versions", 2, retired_at=at)


def _release_taxonomy(simulation: Simulation, at: int) -> None:
    """A release of the taxonomy: relations truncated and filled again, some skills renamed or retired.

    The updates leave the TOASTed embedding as it is. One relation changes its key afterwards.
    """
    chance, story = simulation.chance, simulation.begin(at)
    story.changes.append(Truncate(TABLES["skill_relations"]))
    relations = [relation for relation in taxonomy().relations() if chance.random() < 0.97]
    story.insert("skill_relations", *relations)
    for place in chance.sample(range(len(taxonomy().skills)), 12):
        skill = taxonomy().skills[place]
        story.update("skills", place + 1, aliases=(*skill.aliases, f"{skill.name} (r{day_of(at):%y%m})"), updated_at=at)
    kinds = ("related", "broader", "essential_for")
    taken = {relation[:3] for relation in relations}
    free = [(s, t, k, other) for s, t, k, _ in relations for other in kinds if (s, t, other) not in taken]
    source, target, kind, other = chance.choice(free)
    correction = simulation.begin(at)
    key = {"from_skill_id": source, "to_skill_id": target, "relation": kind}
    correction.update("skill_relations", key, relation=other)


def _reorganise(simulation: Simulation, at: int) -> None:
    """The largest client renames a department; every team's row is rewritten in one transaction."""
    client, story = simulation.clients[0], simulation.begin(at)
    department = client.org_units[1]
    for unit in client.org_units[1:]:
        if unit.path.startswith(department.path):
            unit.name = f"{unit.name} & Treasury"
            story.update("org_units", unit.id, name=unit.name, updated_at=at)
    audit(story, at, client, None, "org.renamed", "org_units", department.id)
