"""A member takes care of the profile: skills, preferences, endorsements, mentorships, consents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from demo import calls
from demo.config import DAY, SECOND, day_of
from demo.notes import audit, notify
from demo.people import POLICY
from demo.season import office_time
from demo.story import Transaction
from demo.world import KINDS, PURPOSES, Member, MemberSkill

if TYPE_CHECKING:
    from demo.simulation import Simulation


def care(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    """Tell one or two changes of the profile."""
    calls.page(simulation, story, at - 5 * SECOND, member, surface, "Profile")
    actions = (_review_suggestions, _add_skill, _raise_skill, _endorse, _prefer, _remove_skill, _ask_mentor, _consent)
    for _ in range(simulation.chance.choice((1, 1, 2))):
        action = simulation.chance.choices(actions, (26, 18, 14, 16, 14, 4, 4, 3))[0]
        action(simulation, story, at, member, surface)
        at += 25 * SECOND


def set_level(simulation: Simulation, story: Transaction, at: int, member: Member, place: int, level: int) -> None:
    """Change the level of a skill that the member has."""
    member.skills[place].level = level
    member.client.book.set_level(member, place, level)
    story.update("member_skills", member.skills[place].id, level=level, last_used_on=day_of(at), updated_at=at)


def _present(member: Member) -> list[int]:
    return [place for place, skill in member.skills.items() if not skill.is_deleted]


def _review_suggestions(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    suggested = [place for place in _present(member) if member.skills[place].is_suggestion][:3]
    if not suggested:
        _add_skill(simulation, story, at, member, surface)
    for place in suggested:
        skill = member.skills[place]
        skill.is_suggestion = False
        properties = {"skill_id": place + 1, "source": "inferred", "level": skill.level}
        # What fits the occupation is usually true.
        if simulation.chance.random() < 0.45 + 0.12 * min(4.0, float(member.occupation.weights[place])):
            story.update("member_skills", skill.id, source="self", confidence="0.900", updated_at=at)
            calls.track(simulation, story, at, member, surface, "Skill Suggestion Accepted", **properties)
        else:
            skill.is_deleted = True
            member.client.book.set_level(member, place, 0)
            story.update("member_skills", skill.id, updated_at=at, deleted_at=at)
            calls.track(simulation, story, at, member, surface, "Skill Suggestion Rejected", **properties)


def _add_skill(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    chance = simulation.chance
    place = member.occupation.draw(chance)[0]
    level = chance.choice((1, 2, 2, 3))
    if place in member.skills:
        skill = member.skills[place]
        if not skill.is_deleted:
            return
        skill.is_deleted = False  # it had been removed: the row comes back to life
        story.update("member_skills", skill.id, deleted_at=None)
        set_level(simulation, story, at, member, place, level)
    else:
        skill = MemberSkill(simulation.next_id("member_skills"), level)
        member.skills[place] = skill
        member.client.book.set_level(member, place, level)
        story.insert(
            "member_skills",
            (
                skill.id, member.client.id, member.id, place + 1, level, "self", "0.750", f"{level * 0.8:.1f}",
                day_of(at), chance.random() < 0.6, at, at, None,
            ),
        )  # fmt: skip
    _complete(simulation, story, at, member, surface)
    calls.track(simulation, story, at, member, surface, "Skill Added", skill_id=place + 1, source="self", level=level)


def _raise_skill(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    places = [place for place in _present(member) if member.skills[place].level < 5]
    if places:
        place = simulation.chance.choice(places)
        set_level(simulation, story, at, member, place, member.skills[place].level + 1)


def _remove_skill(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    places = _present(member)
    if len(places) > 4:
        place = simulation.chance.choice(places)
        skill = member.skills[place]
        skill.is_deleted = True
        member.client.book.set_level(member, place, 0)
        story.update("member_skills", skill.id, deleted_at=at, updated_at=at)
        calls.track(
            simulation, story, at, member, surface, "Skill Removed", skill_id=place + 1, source="self",
            level=skill.level,
        )  # fmt: skip


def _endorse(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    chance, client = simulation.chance, member.client
    colleague = client.members[min(len(client.members) - 1, max(0, member.place + chance.randrange(-8, 9)))]
    places = _present(colleague)
    if colleague is member or not colleague.is_active or not places:
        return
    place = chance.choice(places)
    level = min(5, max(1, colleague.skills[place].level + chance.choice((-1, 0, 0, 1))))
    endorsement = simulation.next_id("skill_endorsements")
    comment = "Helped me with it more than once." if chance.random() < 0.2 else None
    story.insert(
        "skill_endorsements",
        (endorsement, client.id, colleague.skills[place].id, member.id, level, comment, at, None),
    )
    notify(simulation, story, at + SECOND, colleague, "in_app", "endorsement")
    calls.track(
        simulation, story, at, member, surface, "Skill Endorsed", skill_id=place + 1, source="manager", level=level
    )
    if chance.random() < 0.02:
        simulation.schedule(at + DAY, _revoke, endorsement)


def _revoke(simulation: Simulation, at: int, endorsement: int) -> None:
    simulation.begin(at).update("skill_endorsements", endorsement, revoked_at=at)


def _prefer(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    """Change what the member is open to: matching follows it at once."""
    chance = simulation.chance
    kind = chance.choice(KINDS)
    wanted = [one for one in KINDS if (one in member.open_to) != (one == kind)]
    member.open_to = tuple(wanted)
    preferences = {"remote": chance.choice(("no", "hybrid", "full")), "travel_percent": chance.choice((0, 10, 25))}
    preferences["digest"] = member.has_digest
    story.update(
        "members", member.id, open_to=member.open_to, preferences=json.dumps(preferences),
        weekly_capacity_hours=chance.choice(("4", "8", "16.5")) if wanted else "0", updated_at=at,
    )  # fmt: skip
    _complete(simulation, story, at, member, surface)


def _complete(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    before = member.completeness
    member.completeness = round(min(1.0, before + 0.05), 2)
    if member.completeness != before:
        story.update("members", member.id, profile_completeness=member.completeness, updated_at=at)
    if before < 0.8 <= member.completeness:
        calls.track(
            simulation, story, at, member, surface, "Profile Completed", member_id=member.id,
            completeness=member.completeness,
        )  # fmt: skip


def _ask_mentor(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    chance, client = simulation.chance, member.client
    places = _present(member)
    mentor = chance.choice(client.members)
    if mentor is member or not mentor.is_active or mentor.level < member.level or not places:
        return
    place = chance.choice(places)
    mentorship = simulation.next_id("mentorships")
    story.insert(
        "mentorships",
        (mentorship, client.id, mentor.id, member.id, place + 1, "requested", at, None, None, at),
    )
    notify(simulation, story, at + SECOND, mentor, "email", "mentorship_request")
    properties = {"mentorship_id": mentorship, "skill_id": place + 1, "channel": "profile"}
    calls.track(simulation, story, at, member, surface, "Mentorship Requested", **properties)
    answer = office_time(client.region, client.company.timezone, at + 2 * DAY, chance.random())
    simulation.schedule(answer, _answer_mentorship, mentor, properties)


def _answer_mentorship(simulation: Simulation, at: int, mentor: Member, properties: dict[str, object]) -> None:
    story, mentorship = simulation.begin(at), properties["mentorship_id"]
    if not mentor.is_active or simulation.chance.random() < 0.3:
        story.update("mentorships", mentorship, status="declined", updated_at=at)
        return
    story.update("mentorships", mentorship, status="accepted", accepted_at=at, updated_at=at)
    calls.track(simulation, story, at, mentor, "web", "Mentorship Accepted", **properties)
    simulation.schedule(at + int((30 + 60 * simulation.chance.random()) * DAY), _end_mentorship, mentorship)


def _end_mentorship(simulation: Simulation, at: int, mentorship: int) -> None:
    simulation.begin(at).update("mentorships", mentorship, status="ended", ended_at=at, updated_at=at)


def _consent(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    """Withdraw a consent that is in force, or give one that is not."""
    purpose = simulation.chance.choices(PURPOSES, (1, 4, 3, 2))[0]
    missing = [one for one in PURPOSES if one not in member.consents]
    if missing and simulation.chance.random() < 0.6:
        purpose = missing[0]
    properties = {"purpose": purpose, "policy_version": POLICY}
    consent = member.consents.pop(purpose, None)
    if consent is not None:
        story.update("consents", consent, withdrawn_at=at)
        if purpose == "demographics":
            story.delete("restricted.member_demographics", {"member_id": member.id})
        calls.track(simulation, story, at, member, surface, "Consent Withdrawn", **properties)
    else:
        member.consents[purpose] = simulation.next_id("consents")
        story.insert("consents", (member.consents[purpose], member.client.id, member.id, purpose, at, None, POLICY))
        calls.track(simulation, story, at, member, surface, "Consent Granted", **properties)
    audit(story, at, member.client, member.user_id, "consent.changed", "members", member.id, purpose=purpose)
