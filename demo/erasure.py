"""A person asks to be forgotten; within a month the product erases what identifies them and certifies it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from demo.config import DAY, day_of
from demo.notes import audit
from demo.story import Delete, Update
from demo.tables import TABLES
from demo.world import Client, Member

if TYPE_CHECKING:
    from demo.simulation import Simulation

SCOPE = ("profile", "skills", "demographics", "audit")


def request_erasure(simulation: Simulation, at: int, client: Client) -> None:
    """Tell the request; it is due in thirty days and executed some days before."""
    chance = simulation.chance
    member = chance.choice(client.members)
    if member.is_manager or member.logins < 0:
        return
    story = simulation.begin(at)
    request = simulation.next_id("erasure_requests")
    story.insert("erasure_requests", (request, client.id, member.user_id, at, at + 30 * DAY, None, SCOPE, None))
    audit(story, at, client, client.recruiters[0], "erasure.requested", "erasure_requests", request)
    simulation.schedule(at + int((3 + 24 * chance.random()) * DAY), _execute, member, request)


def _execute(simulation: Simulation, at: int, member: Member, request: int) -> None:
    """Erase: anonymise the login and the employment, delete skills, endorsements and demographics, clear traces."""
    story = simulation.begin(at)
    ended = {} if not member.is_active else {"terminated_on": day_of(at)}
    member.leave()
    member.logins = -1
    story.update(
        "users", member.user_id, email=f"erased-{request}@erased.example", full_name="(erased)", sso_subject=None,
        is_active=False, updated_at=at, deleted_at=at,
    )  # fmt: skip
    story.update(
        "members", member.id, open_to=(), preferences="{}", salary_band=None, updated_at=at, deleted_at=at, **ended
    )
    for skill in member.skills.values():
        story.delete("skill_endorsements", {"member_skill_id": skill.id})
        story.delete("member_skills", skill.id)
    member.skills.clear()
    member.client.book.set_all_levels(member)
    story.delete("restricted.member_demographics", {"member_id": member.id})
    story.changes.append(
        Update(TABLES["applications"], {"member_id": member.id}, {"cover_note": None, "updated_at": at})
    )
    story.changes.append(Update(TABLES["audit_log_raw"], {"actor": member.user_id}, {"actor": None}))
    story.changes.append(Delete(TABLES["saved_items"], {"member_id": member.id}))
    member.saved.clear()
    certificate = {"executed_by": "privacy-service", "tables": 7, "rows": len(story.changes)}
    story.update("erasure_requests", request, executed_at=at, certificate=json.dumps(certificate))
