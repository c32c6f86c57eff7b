"""The web app's Segment calls as they are made: which happen and what they hold (tracking_plan.yaml)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from demo.config import DAY, SECOND
from demo.story import Call, Transaction
from demo.world import Client, Member, Opportunity

if TYPE_CHECKING:
    from demo.simulation import Simulation

_DEVICES = UUID("5b0c1a3e-6a61-4c6e-9a0a-0a4bb0f3c5d1")  # namespace of anonymous ids
BOT_SHARE = 0.004  # of sessions: a crawler looks at two public pages


def device(member: Member, surface: str) -> str:
    """The anonymous id of a member's browser or phone."""
    found = member.devices.get(surface)
    if found is None:
        found = member.devices[surface] = str(uuid5(_DEVICES, f"{member.id}/{surface}"))
    return found


def track(
    simulation: Simulation,
    story: Transaction,
    at: int,
    member: Member,
    surface: str,
    event: str,
    **properties: object,
) -> None:
    """Tell that a member did something. Properties that are None are left out."""
    if _is_untold(simulation, story):
        return
    _, experiment, variant = simulation.engine(member.variant, at)
    complete = _with_common(simulation, at, member.client, surface, experiment, variant, properties)
    anonymous_id = None if surface in ("server", "email") else device(member, surface)
    _tell(simulation, story, at, "track", event, member.user_id, anonymous_id, surface, complete)


def track_user(
    simulation: Simulation, story: Transaction, at: int, client: Client, user_id: str, event: str, **properties: object
) -> None:
    """Tell that a login without employment did something, such as a recruiter."""
    if not _is_untold(simulation, story):
        complete = _with_common(simulation, at, client, "web", None, None, properties)
        _tell(simulation, story, at, "track", event, user_id, str(uuid5(_DEVICES, user_id)), "web", complete)


def arrive(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str) -> None:
    """Tell a member's arrival: often a look at the start page before the login, then who it is, then the start page."""
    if _is_untold(simulation, story):
        return
    chance, anonymous_id = simulation.call_chance, device(member, surface)
    if chance.random() < BOT_SHARE:
        _crawl(simulation, story, at, member.client)
    if chance.random() < 0.2:
        _page(simulation, story, at - 20 * SECOND, member, surface, "Home", "/", None, anonymous=True)
    if member.logins <= 1 or chance.random() < 0.25:
        traits = {"client_id": member.client.id, "role": member.role, "locale": member.city.locale}
        _tell(simulation, story, at, "identify", "", member.user_id, anonymous_id, surface, traits)
        company = member.client.company
        group = {"client_id": member.client.id, "industry": company.industry, "plan": company.plan}
        _tell(simulation, story, at, "group", "", member.user_id, anonymous_id, surface, group)
    _page(simulation, story, at, member, surface, "Home", "/home", "/")


def page(simulation: Simulation, story: Transaction, at: int, member: Member, surface: str, name: str) -> None:
    """Tell that a page other than the start page came into view."""
    if not _is_untold(simulation, story):
        _page(simulation, story, at, member, surface, name, f"/{name.lower()}", "/home")


def opportunity_page(
    simulation: Simulation,
    story: Transaction,
    at: int,
    member: Member,
    surface: str,
    opportunity: Opportunity,
    recommendation_id: int | None,
) -> None:
    """Tell that a member read an opportunity, and for how long."""
    if _is_untold(simulation, story):
        return
    dwell = int(simulation.call_chance.lognormvariate(10.3, 0.8))  # milliseconds; median half a minute
    _page(simulation, story, at, member, surface, "Opportunity", f"/opportunities/{opportunity.id}", "/home")
    track(
        simulation, story, at + dwell * 1000, member, surface, "Opportunity Viewed", opportunity_id=opportunity.id,
        kind=opportunity.kind, referrer_recommendation_id=recommendation_id, dwell_ms=dwell,
    )  # fmt: skip


def _is_untold(simulation: Simulation, story: Transaction) -> bool:
    # Tracking was switched on at day 0; a visit under way at that moment is told from its beginning.
    return not simulation.with_calls or story.at < simulation.day_zero


def _tell(
    simulation: Simulation, story: Transaction, at: int, kind: str, name: str, user_id: str | None,
    anonymous_id: str | None, surface: str, properties: dict[str, object],
) -> None:  # fmt: skip
    story.calls.append(Call(simulation.call_count, at, kind, name, user_id, anonymous_id, surface, properties))
    simulation.call_count += 1


def _with_common(
    simulation: Simulation, at: int, client: Client, surface: str, experiment: str | None, variant: str | None,
    properties: dict[str, object],
) -> dict[str, object]:  # fmt: skip
    complete: dict[str, object] = {
        "client_id": client.id,
        "surface": surface,
        "app_version": f"5.{(at - simulation.start) // (14 * DAY)}.{client.id % 2}",
    }
    if experiment is not None:
        complete["experiment_key"], complete["variant"] = experiment, variant
    complete.update(properties)
    if None in properties.values():
        return {name: value for name, value in complete.items() if value is not None}
    return complete


def _page(
    simulation: Simulation, story: Transaction, at: int, member: Member, surface: str, name: str, path: str,
    referrer: str | None, anonymous: bool = False,
) -> None:  # fmt: skip
    _, experiment, variant = simulation.engine(member.variant, at)
    properties: dict[str, object] = {"path": path, "referrer": referrer, "title": f"{name} | Talent Marketplace"}
    complete = _with_common(simulation, at, member.client, surface, experiment, variant, properties)
    user_id = None if anonymous else member.user_id
    _tell(simulation, story, at, "page", name, user_id, device(member, surface), surface, complete)


def _crawl(simulation: Simulation, story: Transaction, at: int, client: Client) -> None:
    crawler = str(uuid5(_DEVICES, f"crawler/{at}"))
    for step in range(2):
        properties: dict[str, object] = {"path": "/", "title": "Home | Talent Marketplace"}
        complete = _with_common(simulation, at, client, "web", None, None, properties)
        _tell(simulation, story, at + step * SECOND, "page", "Home", None, crawler, "bot", complete)
