"""An opportunity's life: drafted, approved, opened, held, filled, cancelled, closed, reopened; who is asked to join."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from demo import calls
from demo.config import DAY, HOUR, day_of
from demo.funnel import apply, reject
from demo.notes import audit, notify
from demo.season import office_time
from demo.story import Transaction
from demo.taxonomy import Occupation
from demo.words import prose
from demo.world import KINDS, Application, Client, Member, Opportunity

if TYPE_CHECKING:
    from demo.simulation import Simulation

KIND_SHARES = (42, 17, 25, 5, 11)
TITLES = {"job": "{}", "project": "Project: {}", "gig": "Gig for a {}", "mentorship": "Mentoring: {}",
          "stretch_role": "Stretch role: {}"}  # fmt: skip
CANCELLED, HELD, ABANDONED, RETAGGED = 0.07, 0.09, 0.03, 0.2


def draft(simulation: Simulation, at: int, client: Client) -> None:
    """Tell that a manager drafts an opportunity; approval follows within days."""
    chance = simulation.chance
    manager = chance.choice([member for member in client.members if member.is_manager and member.is_active])
    kind = chance.choices(KINDS, KIND_SHARES)[0]
    occupation = manager.occupation
    family = [one for one in client.members[max(0, manager.place - 6) : manager.place + 6] if not one.is_manager]
    if family:
        occupation = chance.choice(family).occupation
    level = min(8, max(1, (manager.level - chance.choice((1, 1, 2, 2, 3))) if kind == "job" else chance.randint(2, 5)))
    if (occupation.code, level) not in client.jobs:
        occupation = manager.occupation
    location = chance.choices(range(len(client.location_ids)), (6, 3, 2)[: len(client.location_ids)])[0]
    opportunity = Opportunity(
        simulation.next_id("opportunities"), client, kind, occupation, level, location,
        is_remote=chance.random() < 0.35, org_unit=manager.org_unit, hiring_manager=manager,
        recruiter=chance.choice(client.recruiters), openings=chance.choices((1, 2, 3), (78, 16, 6))[0],
        skills=_asked_skills(simulation, occupation, level),
        appeal=round(chance.gauss(0, 0.35), 3),
    )  # fmt: skip
    client.opportunities[opportunity.id] = opportunity
    story = simulation.begin(at)
    _insert(simulation, story, at, opportunity)
    calls.track(simulation, story, at, manager, "web", "Opportunity Created", opportunity_id=opportunity.id, kind=kind)
    audit(story, at, client, manager.user_id, "opportunity.created", "opportunities", opportunity.id, kind=kind)
    if chance.random() < ABANDONED:
        simulation.schedule(at + 12 * DAY, _abandon, opportunity)
        return
    due = office_time(client.region, client.company.timezone, at + int(chance.expovariate(1) * DAY), chance.random())
    simulation.schedule(due, _submit, opportunity)


def _asked_skills(simulation: Simulation, occupation: Occupation, level: int) -> dict[int, tuple[int, int, bool]]:
    chance = simulation.chance
    asked = {}
    for rank, place in enumerate(occupation.own_skills):
        least = min(5, max(1, round(0.5 * level + chance.choice((0, 0, 1)))))
        asked[place] = (max(1, 5 - rank), least, rank < 3)
    for place in occupation.draw(chance, chance.randint(1, 4)):
        asked.setdefault(place, (chance.choice((1, 2)), chance.choice((1, 2, 3)), False))
    return asked


def _insert(simulation: Simulation, story: Transaction, at: int, opportunity: Opportunity) -> None:
    chance, client, kind = simulation.chance, opportunity.client, opportunity.kind
    starts = day_of(at) + dt.timedelta(days=chance.randint(30, 90))
    is_short = kind in ("project", "gig", "mentorship")
    description = prose(chance, chance.randint(3800, 7600) if chance.random() < 0.6 else chance.randint(200, 900))
    story.insert(
        "opportunities",
        (
            opportunity.id, client.id, kind, TITLES[kind].format(opportunity.occupation.title), description,
            opportunity.org_unit.id, client.location_ids[opportunity.location],
            client.jobs[opportunity.occupation.code, opportunity.level], opportunity.hiring_manager.id,
            opportunity.recruiter, "draft", opportunity.openings,
            chance.choice(("4", "8", "16")) if is_short else "40",
            f"{chance.randint(2, 60) * 500}.00" if kind in ("project", "gig") else None,
            client.company.currency if kind in ("project", "gig") else None, starts,
            starts + dt.timedelta(weeks=chance.randint(4, 16)) if is_short else None,
            f"REQ-{client.id}-{opportunity.id:06d}", None, None, None, None, None,
            json.dumps({"internal": True, "regions": [client.region] if chance.random() < 0.3 else []}),
            json.dumps({"remote": opportunity.is_remote, "level": opportunity.level}), at, at, None,
        ),
    )  # fmt: skip
    for place, (importance, least, is_required) in opportunity.skills.items():
        story.insert("opportunity_skills", (opportunity.id, place + 1, client.id, importance, least, is_required))
    team = [(opportunity.hiring_manager.id, "hiring_manager")]
    helpers = [
        member for member in client.members[-40:] if member.is_active and member is not opportunity.hiring_manager
    ]
    team += [(helper.id, role) for helper, role in zip(helpers[:2], ("coordinator", "interviewer"), strict=False)]
    for member_id, role in team:
        story.insert("opportunity_hiring_team", (opportunity.id, member_id, role, at, None))
    if len(team) > 1 and chance.random() < 0.08:
        simulation.schedule(at + 3 * DAY, _change_role, opportunity, team[1][0])


def _change_role(simulation: Simulation, at: int, opportunity: Opportunity, member_id: int) -> None:
    key = {"opportunity_id": opportunity.id, "member_id": member_id, "role": "coordinator"}
    simulation.begin(at).update("opportunity_hiring_team", key, role="recruiter")


def _abandon(simulation: Simulation, at: int, opportunity: Opportunity) -> None:
    simulation.begin(at).update("opportunities", opportunity.id, deleted_at=at, updated_at=at)
    opportunity.client.opportunities.pop(opportunity.id, None)


def _submit(simulation: Simulation, at: int, opportunity: Opportunity) -> None:
    chance, client = simulation.chance, opportunity.client
    opportunity.status = "pending_approval"
    simulation.begin(at).update("opportunities", opportunity.id, status="pending_approval", updated_at=at)
    due = office_time(
        client.region, client.company.timezone, at + int(chance.expovariate(1 / 2) * DAY), chance.random()
    )
    simulation.schedule(due, _open, opportunity)


def _open(simulation: Simulation, at: int, opportunity: Opportunity) -> None:
    """Approve and open: from now on the engine recommends it and recruiters ask people to apply."""
    chance, client, manager = simulation.chance, opportunity.client, opportunity.hiring_manager
    story = simulation.begin(at)
    opportunity.status, opportunity.opened_at = "open", at
    client.book.add(opportunity)
    story.update("opportunities", opportunity.id, status="open", approved_at=at - HOUR, opened_at=at, updated_at=at)
    audit(story, at, client, opportunity.recruiter, "opportunity.opened", "opportunities", opportunity.id)
    calls.track(
        simulation, story, at, manager, "web", "Opportunity Published", opportunity_id=opportunity.id,
        kind=opportunity.kind,
    )  # fmt: skip
    for place in client.book.best_members(opportunity, 10)[: chance.randint(3, 8)]:
        due = at + int((0.2 + chance.expovariate(1 / 4)) * DAY)
        simulation.schedule(
            office_time(client.region, client.company.timezone, due, chance.random()), _contact, opportunity,
            client.members[place],
        )  # fmt: skip
    if chance.random() < 0.35:
        friend = chance.choice(client.members)
        simulation.schedule(
            at + int(chance.expovariate(1 / 6) * DAY), apply, friend, opportunity, "referral", None, "web"
        )
    if chance.random() < HELD:
        simulation.schedule(at + int((5 + 15 * chance.random()) * DAY), _hold, opportunity)
    if chance.random() < RETAGGED:
        simulation.schedule(at + int((1 + 4 * chance.random()) * DAY), _retag, opportunity)
    reason = "cancelled" if chance.random() < CANCELLED else "expired"
    days = 15 + 30 * chance.random() if reason == "cancelled" else 60 + 50 * chance.random()
    simulation.schedule(at + int(days * DAY), _close, opportunity, reason)


def _contact(simulation: Simulation, at: int, opportunity: Opportunity, member: Member) -> None:
    """Ask somebody who fits well to apply."""
    if not opportunity.is_open or not member.is_active or opportunity.id in member.closed_to:
        return
    chance, story = simulation.chance, simulation.begin(at)
    notify(simulation, story, at, member, "email", "invitation", opportunity.id)
    audit(story, at, member.client, opportunity.recruiter, "candidate.contacted", "members", member.id)
    calls.track_user(
        simulation, story, at, member.client, opportunity.recruiter, "Candidate Contacted",
        opportunity_id=opportunity.id, member_id=member.id, channel="email",
    )  # fmt: skip
    if chance.random() < 0.18 + 0.35 * member.ambition + (0.15 if opportunity.kind in member.open_to else 0):
        delay = int(chance.lognormvariate(2.3, 1.0) * HOUR)
        simulation.schedule(at + delay, apply, member, opportunity, "invited", None, "web")


def _retag(simulation: Simulation, at: int, opportunity: Opportunity) -> None:
    """Replace one asked skill by another: a change of the primary key of opportunity_skills."""
    spare = next((place for place in opportunity.occupation.own_skills if place not in opportunity.skills), None)
    nearby = next(iter(opportunity.skills)) + 1
    new = spare if spare is not None else nearby
    old = list(opportunity.skills)[-1]
    if new in opportunity.skills or new >= len(opportunity.occupation.weights):
        return
    opportunity.skills[new] = opportunity.skills.pop(old)
    key = {"opportunity_id": opportunity.id, "skill_id": old + 1}
    simulation.begin(at).update("opportunity_skills", key, skill_id=new + 1)
    if opportunity.is_open:
        opportunity.client.book.remove(opportunity)
        opportunity.client.book.add(opportunity)


def _hold(simulation: Simulation, at: int, opportunity: Opportunity) -> None:
    if opportunity.is_open:
        opportunity.status = "on_hold"
        opportunity.client.book.remove(opportunity)
        simulation.begin(at).update("opportunities", opportunity.id, status="on_hold", updated_at=at)
        simulation.schedule(at + int((6 + 14 * simulation.chance.random()) * DAY), _resume, opportunity)


def _resume(simulation: Simulation, at: int, opportunity: Opportunity) -> None:
    if opportunity.status == "on_hold":
        opportunity.status = "open"
        opportunity.client.book.add(opportunity)
        simulation.begin(at).update("opportunities", opportunity.id, status="open", updated_at=at)


def fill(simulation: Simulation, story: Transaction, at: int, opportunity: Opportunity) -> None:
    """The last opening is taken: part of the transaction of the hire."""
    story.update("opportunities", opportunity.id, status="filled", filled_at=at, updated_at=at)
    _end(simulation, story, at, opportunity, "filled", "other_candidate")


def _close(simulation: Simulation, at: int, opportunity: Opportunity, reason: str) -> None:
    if opportunity.status not in ("open", "on_hold"):
        return
    if opportunity.reopenings and opportunity.opened_at > at - 30 * DAY:
        simulation.schedule(at + 30 * DAY, _close, opportunity, reason)
        return
    story = simulation.begin(at)
    status = "cancelled" if reason == "cancelled" else "closed"
    story.update("opportunities", opportunity.id, status=status, closed_at=at, close_reason=reason, updated_at=at)
    _end(simulation, story, at, opportunity, status, "position_closed")


def _end(
    simulation: Simulation, story: Transaction, at: int, opportunity: Opportunity, status: str, reason: str
) -> None:
    opportunity.status = status
    opportunity.client.book.remove(opportunity)
    opportunity.client.opportunities.pop(opportunity.id, None)
    for application in opportunity.applications:
        if application.status == "active":
            reject(simulation, story, at, application, reason)
    audit(
        story, at, opportunity.client, opportunity.recruiter, f"opportunity.{status}", "opportunities", opportunity.id
    )
    calls.track(
        simulation, story, at, opportunity.hiring_manager, "web", "Opportunity Closed", opportunity_id=opportunity.id,
        kind=opportunity.kind,
    )  # fmt: skip


def reopen(simulation: Simulation, at: int, application: Application) -> None:
    """The hired person does not come after all: the opening is free again."""
    opportunity = application.opportunity
    application.status = "withdrawn"
    story = simulation.begin(at)
    story.update("applications", application.id, status="withdrawn", withdrawn_at=at, updated_at=at)
    opportunity.filled -= 1
    if opportunity.status != "filled":
        return
    opportunity.status, opportunity.opened_at = "open", at
    opportunity.reopenings += 1
    opportunity.client.opportunities[opportunity.id] = opportunity
    opportunity.client.book.add(opportunity)
    story.update("opportunities", opportunity.id, status="open", opened_at=at, filled_at=None, updated_at=at)
    audit(story, at, opportunity.client, opportunity.recruiter, "opportunity.reopened", "opportunities", opportunity.id)
    simulation.schedule(at + 40 * DAY, _close, opportunity, "expired")
