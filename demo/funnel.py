"""An application goes its way: applied, screened, interviewed, perhaps assessed, offered, hired; or it ends earlier.

What the hiring side comes to see is merit: mostly fit, partly luck. Every change of the stage writes a stage event in
the same transaction. A hire that fills the last opening ends the other applications in the same transaction.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from demo import calls
from demo.config import DAY, HOUR, MINUTE
from demo.moves import start_assignment
from demo.notes import audit, notify
from demo.season import office_time
from demo.story import Transaction
from demo.words import prose
from demo.world import Application, Member, Opportunity

if TYPE_CHECKING:
    from demo.simulation import Simulation

# Per stage that is left: median days until the hiring side acts, and how hard it is to pass.
PATIENCE = {"applied": 3.0, "screen": 4.0, "interview": 3.5, "assessment": 4.0, "offer": 3.0}
HURDLE = {"applied": -0.6, "screen": -0.4, "interview": 0.0, "assessment": -0.5, "offer": -2.2}
WITHDRAWAL = 0.05
VERDICTS = ("strong_no", "no", "mixed", "yes", "strong_yes")


def apply(
    simulation: Simulation, at: int, member: Member, opportunity: Opportunity, source: str,
    recommendation: int | None, surface: str,
) -> None:  # fmt: skip
    """Tell that a member applies, if the opportunity is still open and the member has not applied or dismissed it."""
    if not opportunity.is_open or not member.is_active or opportunity.id in member.closed_to:
        return
    chance, client = simulation.chance, member.client
    fit = client.book.fit(member, opportunity)
    merit = 4.0 * (fit - 0.55) - 0.25 * abs(opportunity.level - member.level - 0.5) + chance.gauss(0, 0.7)
    application = Application(
        simulation.next_id("applications"), opportunity, member, source, recommendation, merit, at
    )
    opportunity.applications.append(application)
    member.closed_to.add(opportunity.id)
    client.book.applied(opportunity)
    story = simulation.begin(at)
    stage = client.stages[opportunity.kind][0][0]
    note = prose(chance, chance.choice((150, 400, 400, 900, 3800))) if chance.random() < 0.6 else None
    answers = {"earliest_start_weeks": chance.choice((2, 4, 8, 12)), "manager_informed": chance.random() < 0.5}
    story.insert(
        "applications",
        (
            application.id, client.id, member.id, opportunity.id, recommendation, source, "active", stage, at, None,
            None, None, None, note, json.dumps(answers), at, at, None,
        ),
    )  # fmt: skip
    story.insert(
        "application_stage_events",
        (simulation.next_id("application_stage_events"), client.id, application.id, None, stage, None, at, None, None),
    )
    if opportunity.id in member.saved:
        story.delete("saved_items", member.saved.pop(opportunity.id))
    notify(simulation, story, at, opportunity.hiring_manager, "in_app", "new_application", opportunity.id)
    calls.track(
        simulation, story, at, member, surface, "Application Submitted", application_id=application.id,
        opportunity_id=opportunity.id, source=source, recommendation_id=recommendation, step="sent",
    )  # fmt: skip
    _wait(simulation, at, application)


def _wait(simulation: Simulation, at: int, application: Application) -> None:
    """Put the next decision on the agenda: some days later, in office hours."""
    chance, client = simulation.chance, application.opportunity.client
    kind = client.stages[application.opportunity.kind][application.step][1]
    days = PATIENCE[kind] * chance.lognormvariate(0, 0.6)
    due = office_time(client.region, client.company.timezone, at + int(days * DAY), chance.random())
    simulation.schedule(due, _decide, application)


def _decide(simulation: Simulation, at: int, application: Application) -> None:
    chance, opportunity = simulation.chance, application.opportunity
    if application.status != "active" or opportunity.status in ("filled", "cancelled", "closed"):
        return
    if opportunity.status == "on_hold":
        simulation.schedule(at + 5 * DAY, _decide, application)
        return
    if not application.member.is_active or chance.random() < WITHDRAWAL:
        withdraw(simulation, at, application)
        return
    stages = opportunity.client.stages[opportunity.kind]
    kind = stages[application.step][1]
    if chance.random() >= 1 / (1 + math.exp(HURDLE[kind] - 1.3 * application.merit)):
        story = simulation.begin(at)
        reason = chance.choices(
            ("skills", "level", "other_candidate", "capacity", "no_show"),
            (5 if application.merit < 0 else 2, 2, 4, 1, 0.3),
        )[0]
        reject(simulation, story, at, application, reason)
        audit(
            story, at, opportunity.client, opportunity.recruiter, "application.rejected", "applications",
            application.id, reason=reason,
        )  # fmt: skip
        return
    step = application.step + 1
    if stages[step][1] == "assessment" and chance.random() < 0.55:
        step += 1  # most clients assess only some candidates
    if stages[step][1] == "hired":
        _hire(simulation, at, application)
        return
    story = simulation.begin(at)
    _move(simulation, story, at, application, step)
    if stages[step][1] == "interview":
        calls.track_user(
            simulation, story, at, opportunity.client, opportunity.recruiter, "Candidate Shortlisted",
            application_id=application.id, opportunity_id=opportunity.id, member_id=application.member.id,
            channel=application.source,
        )  # fmt: skip
        _plan_interview(simulation, story, at, application)
    else:
        _wait(simulation, at, application)
    notify(simulation, story, at, application.member, "email", f"stage_{stages[step][1]}", opportunity.id)


def _move(
    simulation: Simulation, story: Transaction, at: int, application: Application, step: int, **also: str | int
) -> None:
    """Move to another stage: the application and its stage event together."""
    opportunity = application.opportunity
    client = opportunity.client
    stages = client.stages[opportunity.kind]
    (old, old_kind), (new, new_kind) = stages[application.step], stages[step]
    application.step = step
    story.update("applications", application.id, current_stage_id=new, updated_at=at, **also)
    story.insert(
        "application_stage_events",
        (
            simulation.next_id("application_stage_events"), client.id, application.id, old, new, opportunity.recruiter,
            at, None, None,
        ),
    )  # fmt: skip
    audit(story, at, client, opportunity.recruiter, "application.moved", "applications", application.id, to=new_kind)
    calls.track(
        simulation, story, at, application.member, "server", "Application Stage Changed",
        application_id=application.id, opportunity_id=opportunity.id, from_stage=old_kind, to_stage=new_kind,
    )  # fmt: skip


def _plan_interview(simulation: Simulation, story: Transaction, at: int, application: Application) -> None:
    chance, client = simulation.chance, application.opportunity.client
    interview = simulation.next_id("interviews")
    application.interview_ids.append(interview)
    when = office_time(
        client.region, client.company.timezone, at + int((2 + 6 * chance.random()) * DAY), chance.random()
    )
    duration = chance.choice(("00:30:00", "00:45:00", "01:00:00", "01:30:00"))
    interviewer = application.opportunity.hiring_manager.id
    story.insert(
        "interviews",
        (interview, client.id, application.id, when, duration, interviewer, "scheduled", at, at),
    )
    simulation.schedule(when + HOUR, _interview, application, interview)


def _interview(simulation: Simulation, at: int, application: Application, interview: int) -> None:
    """Hold an interview, or move it once; the scorecard follows, now and then filed under the wrong one."""
    chance, client = simulation.chance, application.opportunity.client
    story = simulation.begin(at)
    if application.status != "active":
        story.update("interviews", interview, status="cancelled", updated_at=at)
        return
    if chance.random() < 0.2 and len(application.interview_ids) < 3:
        story.update("interviews", interview, status="cancelled", updated_at=at)
        _plan_interview(simulation, story, at, application)
        return
    status = "no_show" if chance.random() < 0.02 else "completed"
    story.update("interviews", interview, status=status, updated_at=at)
    if status == "completed":
        seen = application.merit + chance.gauss(0, 0.5)
        overall = VERDICTS[min(4, max(0, int(2.3 + 1.1 * seen)))]
        attributes = {
            name: min(5, max(1, round(3 + seen + chance.gauss(0, 0.7)))) for name in ("skills", "motivation", "team")
        }
        filed = interview
        if interview != application.interview_ids[0] and chance.random() < 0.8:
            # Filed under the cancelled interview; somebody puts it right later: a change of the primary key.
            filed = application.interview_ids[0]
            simulation.schedule(at + 20 * HOUR, _refile, filed, interview)
        notes = prose(chance, 5200 if chance.random() < 0.35 else 300)
        story.insert("scorecards", (filed, client.id, overall, json.dumps(attributes), notes, at + 20 * MINUTE))
    _wait(simulation, at, application)


def _refile(simulation: Simulation, at: int, wrong: int, right: int) -> None:
    simulation.begin(at).update("scorecards", {"interview_id": wrong}, interview_id=right)


def reject(simulation: Simulation, story: Transaction, at: int, application: Application, reason: str) -> None:
    """End an application by the hiring side's decision. The stage stays the one it had reached."""
    application.status = "rejected"
    story.update(
        "applications", application.id, status="rejected", rejected_at=at,
        reject_reason_id=application.opportunity.client.reject_reasons[reason], updated_at=at,
    )  # fmt: skip
    if application.member.is_active:
        notify(simulation, story, at, application.member, "email", "rejected", application.opportunity.id)


def withdraw(simulation: Simulation, at: int, application: Application) -> None:
    """End an application by the member's decision; a few are later removed from sight altogether."""
    application.status = "withdrawn"
    story, opportunity = simulation.begin(at), application.opportunity
    hidden = {"deleted_at": at} if simulation.chance.random() < 0.04 else {}
    story.update("applications", application.id, status="withdrawn", withdrawn_at=at, updated_at=at, **hidden)
    stage = opportunity.client.stages[opportunity.kind][application.step][1]
    calls.track(
        simulation, story, at, application.member, "web", "Application Withdrawn", application_id=application.id,
        opportunity_id=opportunity.id, source=application.source, recommendation_id=application.recommendation_id,
        step=stage,
    )  # fmt: skip


def _hire(simulation: Simulation, at: int, application: Application) -> None:
    from demo.offers import fill  # an opportunity that closes ends its applications, hence the circle

    chance, opportunity, client = simulation.chance, application.opportunity, application.opportunity.client
    story = simulation.begin(at)
    application.status = "hired"
    last = len(client.stages[opportunity.kind]) - 1
    _move(simulation, story, at, application, last, status="hired", hired_at=at)
    notify(simulation, story, at, application.member, "email", "hired", opportunity.id)
    opportunity.filled += 1
    if opportunity.filled >= opportunity.openings:
        fill(simulation, story, at, opportunity)
    start = office_time(client.region, client.company.timezone, at + int((7 + 14 * chance.random()) * DAY), 0.02)
    simulation.schedule(start, start_assignment, application)
