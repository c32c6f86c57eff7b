"""Found the client companies: their organisation, people, skills and consents, as they are when the story begins."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from demo.config import DAY, day_of
from demo.matching import Book
from demo.people import add_member, add_user
from demo.story import Transaction
from demo.taxonomy import Occupation, taxonomy
from demo.words import COMPANIES, Company
from demo.world import KINDS, Client, Member, OrgUnit

if TYPE_CHECKING:
    from demo.simulation import Simulation

MEMBERS_AT_SCALE_1 = 3400
TEAM_SIZE = 13
EMBEDDING_SIZE = 576  # 2,304 bytes: more than fits in a page beside others, so TOASTed
STAGES = (
    ("Applied", "applied"),
    ("Screening", "screen"),
    ("Interview", "interview"),
    ("Assessment", "assessment"),
    ("Offer", "offer"),
    ("Hired", "hired"),
)
SHORT_STAGES = (("Applied", "applied"), ("Conversation", "screen"), ("Agreed", "hired"))
REJECT_REASONS = (
    ("skills", "Skills do not match"),
    ("level", "Level does not match"),
    ("other_candidate", "Another candidate was chosen"),
    ("position_closed", "The opportunity was closed"),
    ("capacity", "No capacity in the home team"),
    ("no_show", "Did not come to the interview"),
)


def found_companies(simulation: Simulation) -> Iterator[Transaction]:
    """Tell the beginning: the taxonomy, then each client with all its people, 500 at a time."""
    yield _skills(simulation)
    for number, company in enumerate(COMPANIES):
        # Sizes by share; the smallest company must still have a team in several departments.
        size = max(14, round(MEMBERS_AT_SCALE_1 * simulation.config.scale * company.share))
        yield from _client(simulation, number + 1, company, size)


def _skills(simulation: Simulation) -> Transaction:
    story = Transaction(0, simulation.start)
    created = simulation.start - 900 * DAY
    directions: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    for place, skill in enumerate(taxonomy().skills):
        direction = directions.setdefault(skill.domain, simulation.numbers.standard_normal(EMBEDDING_SIZE))
        vector = 0.03 * direction + 0.02 * simulation.numbers.standard_normal(EMBEDDING_SIZE)
        embedding = "{" + str(np.round(vector, 4).tolist())[1:-1].replace(" ", "") + "}"
        story.insert(
            "skills",
            (
                place + 1, f"flux:skill/{skill.key}", skill.onet_element_id, skill.name, skill.kind, True,
                skill.aliases, embedding, created, created,
            ),
        )  # fmt: skip
    for relation in taxonomy().relations():
        story.insert("skill_relations", relation)
    return story


def _client(simulation: Simulation, client_id: int, company: Company, size: int) -> Iterator[Transaction]:
    start = simulation.start
    created = start - (400 + 130 * client_id) * DAY
    story = Transaction(0, start)
    client = Client(client_id, company, Book(size + size // 8 + 8, len(taxonomy().skills), simulation.tastes))
    simulation.clients.append(client)
    settings = {
        "timezone": company.timezone,
        "licensed_seats": int(size * 1.1),
        "currency": company.currency,
        "features": {"mentorship": True, "gigs": company.plan != "starter"},
    }
    story.insert(
        "clients",
        (
            client_id, company.slug, company.name, company.industry, company.region, company.plan,
            json.dumps(settings), company.region, company.ml_opt_out, day_of(created),
            day_of(created) + dt.timedelta(days=1461), created, created, None,
        ),
    )  # fmt: skip
    for city in company.cities:
        location_id = simulation.next_id("locations")
        client.location_ids.append(location_id)
        story.insert(
            "locations",
            (
                location_id, client_id, city.name, city.country, city.region, city.name, city.lat, city.lon,
                len(client.location_ids) > 1, created, created,
            ),
        )  # fmt: skip
    _processes(simulation, client, story)
    departments = _organise(simulation, client, story, created, size)
    for _ in range(max(2, round(size / 220))):
        client.recruiters.append(add_user(simulation, story, client, 0, created, ("recruiter",))[0])
    add_user(simulation, story, client, 0, created, ("admin",))
    for place in _placements(simulation, departments, size):
        add_member(simulation, story, client, *place, at=None)
        if len(client.members) % 500 == 0:
            yield story
            story = Transaction(0, start)
    yield story


def _processes(simulation: Simulation, client: Client, story: Transaction) -> None:
    for kind in KINDS:
        for position, (name, stage) in enumerate(STAGES if kind in ("job", "stretch_role") else SHORT_STAGES):
            stage_id = simulation.next_id("stages")
            client.stages.setdefault(kind, []).append((stage_id, stage))
            story.insert("stages", (stage_id, client.id, name, stage, position + 1, kind))
    for code, label in REJECT_REASONS:
        client.reject_reasons[code] = simulation.next_id("reject_reasons")
        story.insert("reject_reasons", (client.reject_reasons[code], client.id, code, label, True))


Department = tuple[OrgUnit, list[OrgUnit], tuple[Occupation, ...], int]


def _organise(
    simulation: Simulation, client: Client, story: Transaction, created: int, size: int
) -> tuple[OrgUnit, list[Department]]:
    """Make the root, departments and teams, and the job profiles of each family."""

    def unit(name: str, family: str, parent: OrgUnit | None) -> OrgUnit:
        unit_id = simulation.next_id("org_units")
        path = f"{parent.path}.{unit_id}" if parent else str(unit_id)
        parent_id = parent.id if parent else None
        center = f"CC-{client.id}{unit_id:05d}"
        story.insert("org_units", (unit_id, client.id, parent_id, name, path, center, created, created, None))
        client.org_units.append(OrgUnit(unit_id, path, name, family))
        return client.org_units[-1]

    root = unit(client.company.name, "", None)
    departments = []
    for family, share in taxonomy().industries[client.company.industry]:
        people = max(2, round((size - 1) * share))
        occupations = tuple(one for one in taxonomy().occupations if one.family == family)
        department = unit(family, family, root)
        teams = [unit(f"{family} {number + 1}", family, department) for number in range(max(1, people // TEAM_SIZE))]
        departments.append((department, teams, occupations, people))
        for occupation in occupations:
            for level in range(1, 9):
                job_id = simulation.next_id("job_architecture")
                client.jobs[occupation.code, level] = job_id
                story.insert(
                    "job_architecture",
                    (
                        job_id, client.id, family, occupation.sub_family, occupation.title, level, occupation.code,
                        None, created, created,
                    ),
                )  # fmt: skip
    return root, departments


Placement = tuple[Occupation, int, OrgUnit, Member | None, bool]


def _placements(
    simulation: Simulation, organisation: tuple[OrgUnit, list[Department]], size: int
) -> Iterator[Placement]:
    """Fill the organisation from the top, so that every manager is there before his people."""
    chance, client = simulation.chance, simulation.clients[-1]
    root, departments = organisation
    yield departments[0][2][0], 8, root, None, True
    head = client.members[-1]
    left = size - 1
    leads: list[tuple[OrgUnit, Member, tuple[Occupation, ...], float]] = []
    for department, teams, occupations, people in departments:
        if left <= 0:
            return
        yield chance.choice(occupations), 7, department, head, True
        left -= 1
        chief = client.members[-1]
        for team in teams:
            if left <= 0:
                return
            yield chance.choice(occupations), chance.choice((5, 6, 6)), team, chief, True
            left -= 1
            leads.append((team, client.members[-1], occupations, people / len(teams)))
    weights = [people for *_, people in leads]
    for team, lead, occupations, _ in chance.choices(leads, weights, k=max(0, left)):
        level = chance.choices((1, 2, 3, 4, 5, 6), (8, 20, 28, 23, 15, 6))[0]
        yield chance.choice(occupations), level, team, lead, False
