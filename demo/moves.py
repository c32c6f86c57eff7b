"""What follows a hire: the member moves into the opportunity, works there, and comes back from what was temporary."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from demo.config import DAY, day_of
from demo.notes import audit
from demo.people import SALARY_FACTOR
from demo.profile import set_level
from demo.season import office_time
from demo.world import Application

if TYPE_CHECKING:
    from demo.simulation import Simulation

RENEGED = 0.03
WEEKS = {"project": (6, 16), "gig": (2, 8), "mentorship": (8, 14), "stretch_role": (16, 40)}


def start_assignment(simulation: Simulation, at: int, application: Application) -> None:
    """Begin the assignment; a few people change their mind, and the opportunity is opened again."""
    chance, opportunity, member = simulation.chance, application.opportunity, application.member
    if not member.is_active or chance.random() < RENEGED:
        from demo.offers import reopen  # an opportunity that is filled starts assignments, hence the circle

        reopen(simulation, at, application)
        return
    story = simulation.begin(at)
    assignment = simulation.next_id("assignments")
    today = day_of(at)
    story.insert(
        "assignments",
        (
            assignment, member.client.id, member.id, opportunity.id, application.id, today, None, None, None, None, 0,
            at, at,
        ),
    )  # fmt: skip
    if opportunity.kind == "job":
        member.occupation, member.level = opportunity.occupation, opportunity.level
        member.org_unit, member.location = opportunity.org_unit, opportunity.location
        if opportunity.hiring_manager is not member:
            member.manager = opportunity.hiring_manager
        floor = int(28 * SALARY_FACTOR[member.client.region] * 1.27**member.level)
        story.update(
            "members", member.id, org_unit_id=member.org_unit.id, title=member.occupation.title, level=member.level,
            manager_id=member.manager.id if member.manager else None,
            location_id=member.client.location_ids[member.location],
            job_architecture_id=member.client.jobs[member.occupation.code, member.level],
            salary_band=f"[{floor},{int(floor * 1.35)})", updated_at=at,
        )  # fmt: skip
        audit(
            story, at, member.client, opportunity.recruiter, "member.moved", "members", member.id,
            opportunity_id=opportunity.id,
        )  # fmt: skip
        return
    weeks = chance.randint(*WEEKS[opportunity.kind])
    simulation.schedule(at + 14 * DAY, _log_hours, application, assignment, at + weeks * 7 * DAY, 0.0)


def _log_hours(
    simulation: Simulation, at: int, application: Application, assignment: int, end: int, hours: float
) -> None:
    """Add two weeks of hours; at the end, the ratings of both sides and what was learned."""
    chance, member = simulation.chance, application.member
    story = simulation.begin(at)
    hours = round(hours + chance.uniform(4, 24), 1)
    if at < end and member.is_active:
        story.update("assignments", assignment, hours_logged=hours, updated_at=at)
        client = member.client
        due = office_time(client.region, client.company.timezone, at + 14 * DAY, chance.random())
        simulation.schedule(due, _log_hours, application, assignment, end, hours)
        return
    outcome = chance.choices(("completed", "extended", "converted"), (80, 14, 6))[0] if at >= end else "ended_early"
    happy = 3.6 + 0.7 * application.merit
    story.update(
        "assignments", assignment, hours_logged=hours, ended_on=day_of(at) + dt.timedelta(days=1), outcome=outcome,
        member_rating=_stars(happy + chance.gauss(0.2, 0.8)), manager_rating=_stars(happy + chance.gauss(0, 0.7)),
        updated_at=at,
    )  # fmt: skip
    learned = [place for place in application.opportunity.skills if place in member.skills]
    for place in learned[:2]:
        if member.skills[place].level < 5 and not member.skills[place].is_deleted:
            set_level(simulation, story, at, member, place, member.skills[place].level + 1)


def _stars(value: float) -> int:
    return min(5, max(1, round(value)))
