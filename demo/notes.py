"""Side effects that many actions share: messages to members and rows of the audit log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from demo import calls
from demo.config import HOUR, SECOND
from demo.story import Transaction
from demo.world import Client, Member

if TYPE_CHECKING:
    from demo.simulation import Simulation

OPEN_RATES = {"email": 0.38, "in_app": 0.55, "push": 0.3}
CLICK_RATE = 0.3
BOUNCE_RATE = 0.012


def notify(
    simulation: Simulation,
    story: Transaction,
    at: int,
    member: Member,
    channel: str,
    template: str,
    opportunity_id: int | None = None,
) -> None:
    """Send a message; some are opened later, and some of those bring the member back."""
    chance = simulation.chance
    notification = simulation.next_id("notifications")
    bounced = channel == "email" and chance.random() < BOUNCE_RATE
    payload = f'{{"opportunity_id": {opportunity_id}}}' if opportunity_id else f'{{"unread": {member.id % 9 + 1}}}'
    story.insert(
        "notifications",
        (
            notification, member.client.id, member.id, channel, template, payload, at - 3 * SECOND,
            None if bounced else at, None, None, bounced,
        ),
    )  # fmt: skip
    if bounced:
        return
    calls.track(
        simulation, story, at, member, "server", "Notification Sent", notification_id=notification, channel=channel,
        template=template,
    )  # fmt: skip
    if chance.random() < OPEN_RATES[channel] * min(1.5, 0.4 + member.activity**0.5 * 0.6):
        opened_at = at + int(chance.lognormvariate(0.4, 1.2) * HOUR)
        hour = opened_at // HOUR * HOUR + HOUR
        waiting = member.client.opened.setdefault(hour, [])
        if not waiting:
            simulation.schedule(hour, _note_opened, member.client, hour)
        waiting.append((opened_at, member, notification, channel, template))


def _note_opened(simulation: Simulation, at: int, client: Client, hour: int) -> None:
    """Take over what the mail service and the apps reported in an hour: one transaction for all of it."""
    story = simulation.begin(at)
    for opened_at, member, notification, channel, template in sorted(client.opened.pop(hour), key=lambda one: one[0]):
        if member.is_active:
            _open(simulation, story, opened_at, member, notification, channel, template)


def _open(
    simulation: Simulation, story: Transaction, at: int, member: Member, notification: int, channel: str, template: str
) -> None:
    surface = "email" if channel == "email" else "mobile" if channel == "push" else "web"
    properties = {"notification_id": notification, "channel": channel, "template": template}
    calls.track(simulation, story, at, member, surface, "Notification Opened", **properties)
    if simulation.chance.random() >= CLICK_RATE:
        story.update("notifications", notification, opened_at=at)
        return
    story.update("notifications", notification, opened_at=at, clicked_at=at + 20 * SECOND)
    calls.track(simulation, story, at + 20 * SECOND, member, surface, "Notification Clicked", **properties)
    if template in ("weekly_digest", "invitation"):
        from demo.visits import visit  # visits send messages too

        simulation.schedule(story.at + 240 * SECOND, visit, member, "email_digest")


def audit(
    story: Transaction,
    at: int,
    client: Client,
    actor: str | None,
    action: str,
    entity: str,
    entity_id: object,
    **detail: object,
) -> None:
    """Write a row of the audit log."""
    story.insert(
        "audit_log_raw",
        (at, client.id, actor, action, entity, str(entity_id), json.dumps(detail) if detail else None),
    )
