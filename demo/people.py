"""People come: a login, an employment, skills that follow from the occupation, consents and, if told, demographics."""

from __future__ import annotations

import datetime as dt
import json
import random
from bisect import bisect
from typing import TYPE_CHECKING

import numpy as np

from demo.config import DAY, HOUR, day_of
from demo.story import Transaction
from demo.tables import Row
from demo.taxonomy import Occupation
from demo.words import FIRST_NAMES, LAST_NAMES
from demo.world import KINDS, Client, Member, MemberSkill, OrgUnit

if TYPE_CHECKING:
    from demo.simulation import Simulation

SALARY_FACTOR = {"us": 1.0, "eu": 0.8, "ap": 0.9}
CONSENT_RATES = {"matching": 0.97, "ml_training": 0.86, "analytics": 0.9, "demographics": 0.78}
OPEN_TO_RATES = (0.45, 0.5, 0.55, 0.3, 0.35)
POLICY = "2.1"
SOURCES = ("self", "hris", "resume", "inferred", "manager")
SOURCES_BELOW = (0.45, 0.65, 0.80, 0.92, 1.0)
CONFIDENCE = {"self": 0.75, "hris": 0.9, "resume": 0.7, "inferred": 0.5, "manager": 0.95}
SEXES = (("Female", 0.45), ("Male", 0.52), ("Non-binary", 0.015), ("Prefer not to say", 0.015))
RACES = (
    ("White", 0.47),
    ("Asian", 0.18),
    ("Hispanic or Latino", 0.14),
    ("Black or African American", 0.11),
    ("Two or more races", 0.06),
    ("American Indian or Alaska Native", 0.01),
    ("Native Hawaiian or Pacific Islander", 0.01),
    ("Prefer not to say", 0.02),
)


def add_user(
    simulation: Simulation, story: Transaction, client: Client, location: int, created: int, roles: tuple[str, ...]
) -> tuple[str, str]:
    """Insert a login and return its id and the person's name."""
    chance = simulation.chance
    number = simulation.next_id("users")
    user_id, name = simulation.uuid(), f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
    email = f"{name.lower().replace(' ', '.')}.{number}@{client.company.slug}.example"
    city = client.company.cities[location]
    story.insert(
        "users",
        (
            user_id, client.id, email, name, city.locale, city.timezone, roles, None, f"saml|{client.id}|{number}",
            True, created, created, None,
        ),
    )  # fmt: skip
    return user_id, name


def add_member(
    simulation: Simulation,
    story: Transaction,
    client: Client,
    occupation: Occupation,
    level: int,
    unit: OrgUnit,
    manager: Member | None,
    is_manager: bool,
    at: int | None,
    rehired: Member | None = None,
) -> Member:
    """Insert an employment with all that belongs to it. `at` is None for those who were there before the story."""
    chance = simulation.chance
    start = simulation.start
    hired_on = day_of(at or start) if at else day_of(start - int(chance.expovariate(1 / 1300) + 20) * DAY)
    created = at if at else start - int(chance.random() * 350 + 1) * DAY - int(chance.random() * 9) * HOUR
    location = chance.choices(range(len(client.location_ids)), (6, 3, 2)[: len(client.location_ids)])[0]
    role = "manager" if is_manager else "member"
    if rehired is None:
        user_id, _ = add_user(
            simulation, story, client, location, created, ("member", "manager") if is_manager else ("member",)
        )
    else:
        user_id = rehired.user_id
        story.update("users", user_id, is_active=True, updated_at=created)
    client.employee_count += 1
    wanted = tuple(
        kind for kind, rate in zip(KINDS, (0.45, 0.5, 0.55, 0.3, 0.35), strict=True) if chance.random() < rate
    )
    member = Member(
        id=simulation.next_id("members"), client=client, place=len(client.members), user_id=user_id,
        occupation=occupation, level=level, org_unit=unit, location=location, manager=manager, is_manager=is_manager,
        role=role, activity=min(8.0, chance.gammavariate(0.55, 1 / 0.55)), ambition=chance.betavariate(2, 3),
        open_to=wanted, is_mobile=chance.random() < 0.25, has_digest=chance.random() < 0.6,
        variant="treatment" if chance.random() < 0.5 else "control", hired_on=hired_on,
        completeness=round(min(1.0, 0.35 + 0.5 * chance.random() + (0.15 if wanted else 0)), 2),
    )  # fmt: skip
    client.members.append(member)
    client.activity.append(member.activity)
    client.book.make_room(member.place)
    preferences = {
        "remote": chance.choice(("no", "hybrid", "full")),
        "travel_percent": chance.choice((0, 0, 10, 25, 50)),
        "digest": member.has_digest,
    }
    floor = int(28 * SALARY_FACTOR[client.region] * 1.27**level)
    worker = chance.choices(("employee", "contractor", "intern"), (88, 9, 3 if level == 1 else 0))[0]
    story.insert(
        "members",
        (
            member.id, client.id, user_id, f"{client.company.slug[:2].upper()}{client.employee_count:06d}", unit.id,
            manager.id if manager else None, client.jobs[occupation.code, level], client.location_ids[location], worker,
            hired_on, None, occupation.title, level, f"[{floor},{int(floor * 1.35)})", wanted,
            chance.choice(("0", "4", "4", "8", "16.5")) if wanted else "0", json.dumps(preferences),
            member.completeness, created, created, None,
        ),
    )  # fmt: skip
    _add_skills(simulation, story, member, created, is_new=at is not None)
    _add_consents(simulation, story, member, created)
    return member


def _add_skills(simulation: Simulation, story: Transaction, member: Member, created: int, is_new: bool) -> None:
    """Give skills: which ones follows from the occupation, how good from the level of the job."""
    chance, numbers, weights = simulation.chance, simulation.numbers, member.occupation.weights
    count = 7 + member.level + chance.randrange(0, 7)
    # Weighted draw without replacement: the largest of weight times an exponential race.
    race = np.where(weights > 0, numbers.standard_exponential(len(weights)) / np.maximum(weights, 1e-9), np.inf)
    places = np.argsort(race, kind="stable")[:count].tolist()
    today = day_of(created)
    normal, even = numbers.standard_normal((2, count)).tolist(), numbers.random((5, count)).tolist()
    skills: list[Row] = []
    for nth, place in enumerate(sorted(places)):
        depth = 0.5 + 0.5 * min(1.0, float(weights[place]) / 4)
        level = min(5, max(1, round(0.62 * (member.level + 1) * depth + 0.8 * normal[0][nth])))
        source = SOURCES[bisect(SOURCES_BELOW, even[0][nth])]
        skill = MemberSkill(simulation.next_id("member_skills"), level, is_suggestion=source == "inferred")
        member.skills[place] = skill
        years = round(min(member.level * 3.5, level * (0.4 + 1.8 * even[1][nth])), 1)
        confidence = min(0.999, max(0.05, CONFIDENCE[source] + 0.08 * normal[1][nth]))
        last_used = today - dt.timedelta(days=int(400 * even[2][nth] ** 2))
        skills.append(
            (
                skill.id, member.client.id, member.id, place + 1, level, source, f"{confidence:.3f}", years, last_used,
                even[3][nth] < 0.4, created, created, None,
            )
        )  # fmt: skip
    story.insert("member_skills", *skills)
    if not is_new and member.place:
        for nth, skill in enumerate(member.skills.values()):
            if even[4][nth] < 0.13:
                colleague = member.client.members[max(0, member.place - 1 - int(chance.random() * 12))]
                level = min(5, max(1, skill.level + chance.choice((-1, 0, 0, 1))))
                endorsement = simulation.next_id("skill_endorsements")
                story.insert(
                    "skill_endorsements",
                    (endorsement, member.client.id, skill.id, colleague.id, level, None, created + HOUR, None),
                )
    member.client.book.set_all_levels(member)


def _add_consents(simulation: Simulation, story: Transaction, member: Member, created: int) -> None:
    chance = simulation.chance
    for purpose, rate in CONSENT_RATES.items():
        if chance.random() < rate:
            consent = simulation.next_id("consents")
            member.consents[purpose] = consent
            story.insert("consents", (consent, member.client.id, member.id, purpose, created, None, POLICY))
    if "demographics" in member.consents:
        age = min(5, max(0, int(chance.gauss(0.8 + 0.45 * member.level, 1.1))))
        member.sex = _pick(chance, SEXES)
        story.insert(
            "restricted.member_demographics",
            (
                member.id, member.client.id, member.sex, _pick(chance, RACES),
                ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")[age],
                chance.choices(("No", "Yes", "Prefer not to say"), (88, 8, 4))[0],
                chance.choices(("No", "Yes", "Prefer not to say"), (92, 5, 3))[0], created,
                member.consents["demographics"],
            ),
        )  # fmt: skip


def _pick(chance: random.Random, shares: tuple[tuple[str, float], ...]) -> str:
    return chance.choices([name for name, _ in shares], [share for _, share in shares])[0]
