"""A member visits the web app: looks at recommendations from the top down, opens some, saves, dismisses, applies.

Cause and effect: a recommendation is seen with a probability that falls with its rank, opened when the member's true
interest (fit, wanted kind, place, level, popularity, taste) is high and, for the same interest, less often further
down; an opened one leads to an application when interest and ambition are high.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from demo import calls, profile
from demo.config import DAY, MINUTE, SECOND
from demo.funnel import apply
from demo.matching import TRUST, VIEWED, Ranked
from demo.story import Transaction
from demo.world import Member

if TYPE_CHECKING:
    from demo.simulation import Simulation

LIST_SIZES = {"homepage": 6, "email_digest": 4, "search": 8, "manager_suggested": 3, "similar": 4}
# Seconds between looks at two recommendations: 1,024 quantiles of a lognormal distribution (median 2.5).
PAUSES = tuple(math.exp(0.9 + 0.5 * NormalDist().inv_cdf((place + 0.5) / 1024)) for place in range(1024))
GLANCE = 0.22  # share of visits that leave no trace in the database
REASONS = ("not_relevant", "wrong_level", "wrong_location", "no_time", "already_known")


def visit(simulation: Simulation, at: int, member: Member, channel: str | None = None) -> None:
    """Tell one visit, which ends at this moment; `channel` is the list that the member came for, if any."""
    if not member.is_active:
        return
    chance = simulation.chance
    surface = "mobile" if member.is_mobile and chance.random() < 0.75 else "web"
    story = simulation.begin(at)
    start = at - int((2 + chance.expovariate(1 / 5)) * MINUTE)
    member.logins += 1
    calls.arrive(simulation, story, start, member, surface)
    if channel is None and chance.random() < GLANCE:
        calls.page(simulation, story, start + 15 * SECOND, member, surface, chance.choice(("Profile", "Search")))
        return
    if chance.random() < 0.7:
        story.update("users", member.user_id, last_login_at=start, updated_at=start)
    if channel is None and chance.random() < 0.24:
        profile.care(simulation, story, start + 20 * SECOND, member, surface)
        return
    if len(member.client.book) < 3:
        return
    channel = channel or chance.choices(("homepage", "search", "manager_suggested"), (74, 20, 6))[0]
    opened = look(simulation, story, start + 8 * SECOND, member, surface, channel)
    if opened is not None and chance.random() < 0.12:
        look(simulation, story, start + 90 * SECOND, member, surface, "similar")
    if member.saved and chance.random() < 0.06:
        story.delete("saved_items", member.saved.pop(next(iter(member.saved))))


def look(
    simulation: Simulation, story: Transaction, at: int, member: Member, surface: str, channel: str
) -> Ranked | None:
    """Tell a list: the request, what was served, seen and done. Returns the last recommendation opened."""
    chance, client = simulation.chance, member.client
    engine, experiment, variant = simulation.engine(member.variant, at)
    served, candidates = client.book.rank(member, LIST_SIZES[channel], engine.id == 3, chance, simulation.config.bias)
    if not served:
        return None
    request = simulation.uuid()
    query = f"{chance.getrandbits(48):012x}" if channel == "search" else None
    story.insert(
        "recommendation_requests",
        (
            request, client.id, member.id, channel, surface if channel != "email_digest" else "email", engine.id, at,
            f'{{"page": "{channel}", "logins": {member.logins}}}', experiment, variant, candidates,
            int(18 + chance.expovariate(1 / 25) + candidates / 8),
        ),
    )  # fmt: skip
    recommendations = [
        (
            simulation.next_id("match_recommendations"), request, client.id, member.id, one.opportunity.id, rank + 1,
            one.score, round(one.propensity, 6), one.is_exploration, _reasons(member, one),
            f"{chance.getrandbits(64):016x}", at, at + 14 * DAY,
        )
        for rank, one in enumerate(served)
    ]  # fmt: skip
    first = recommendations[0][0]
    story.insert("match_recommendations", *recommendations)
    if channel == "search":
        calls.page(simulation, story, at - 4 * SECOND, member, surface, "Search")
        filters = [f"kind:{kind}" for kind in member.open_to[:2]]
        calls.track(
            simulation, story, at, member, surface, "Search Performed", query_hash=query, filters=filters,
            result_count=candidates,
        )  # fmt: skip
    calls.track(
        simulation, story, at, member, surface, "Recommendation List Viewed", request_id=request, channel=channel,
        model_version=f"{engine.name}@{engine.version}", list_size=len(served),
    )  # fmt: skip
    return _scroll(simulation, story, at, member, surface, channel, request, query, served, first)


def _scroll(
    simulation: Simulation, story: Transaction, at: int, member: Member, surface: str, channel: str, request: str,
    query: str | None, served: list[Ranked], first: int,
) -> Ranked | None:  # fmt: skip
    """Go down the list. What scrolled out of view is not seen, and nothing below it either."""
    chance, client = simulation.chance, member.client
    small_screen = 0.82 if surface == "mobile" else 1.0
    patience = chance.random()
    moment, last = at, None
    impressions = []
    for rank, one in enumerate(served):
        if patience > VIEWED[rank] * small_screen:
            break
        moment += int(PAUSES[chance.getrandbits(10)] * SECOND)
        visible = int(800 * PAUSES[chance.getrandbits(10)] * (1 + 0.12 * max(-4.0, one.interest)))
        recommendation, opportunity = first + rank, one.opportunity
        impressions.append(
            (
                simulation.next_id("match_impressions"), recommendation, client.id, member.id, opportunity.id, rank + 1,
                visible, moment, channel,
            )
        )  # fmt: skip
        if visible >= 1000:
            bucket = "low" if one.score < 0.08 else "medium" if one.score < 0.16 else "high"
            calls.track(
                simulation, story, moment, member, surface, "Recommendation Viewed", recommendation_id=recommendation,
                request_id=request, opportunity_id=opportunity.id, position=rank + 1, score_bucket=bucket,
                visible_ms=visible,
            )  # fmt: skip
        if chance.random() < TRUST[rank] * _sigmoid(one.interest - 2.4):
            moment += 2 * SECOND
            shown = {"recommendation_id": recommendation, "opportunity_id": opportunity.id, "position": rank + 1}
            calls.track(simulation, story, moment, member, surface, "Recommendation Clicked", **shown)
            if query is not None:
                calls.track(
                    simulation, story, moment, member, surface, "Search Result Clicked", query_hash=query,
                    opportunity_id=opportunity.id, position=rank + 1,
                )  # fmt: skip
            _read(simulation, story, moment + SECOND, member, surface, channel, one, recommendation, rank + 1)
            moment += 30 * SECOND
            last = one
        elif chance.random() < 0.35 * _sigmoid(-one.interest - 2.0):
            _dismiss(simulation, story, moment + SECOND, member, surface, channel, one, recommendation, rank + 1)
    story.insert("match_impressions", *impressions)
    return last


def _read(
    simulation: Simulation, story: Transaction, at: int, member: Member, surface: str, channel: str, one: Ranked,
    recommendation: int, position: int,
) -> None:  # fmt: skip
    """Read an opportunity: then perhaps keep it, share it, rate it, apply."""
    chance, client, opportunity = simulation.chance, member.client, one.opportunity
    calls.opportunity_page(simulation, story, at, member, surface, opportunity, recommendation)
    shown = {"recommendation_id": recommendation, "opportunity_id": opportunity.id}
    willing = _sigmoid(0.9 * one.interest + 2.2 * member.ambition - 2.8)
    if chance.random() < willing:
        source = "search" if channel == "search" else "recommended"
        calls.track(
            simulation, story, at + 25 * SECOND, member, surface, "Application Started", source=source, step="form",
            **shown,
        )  # fmt: skip
        if chance.random() < 0.72 and opportunity.id not in member.closed_to:
            delay = int((3 + chance.expovariate(1 / 12)) * MINUTE)
            simulation.schedule(story.at + delay, apply, member, opportunity, source, recommendation, surface)
            return
    if opportunity.id not in member.saved and chance.random() < 0.5 * willing:
        member.saved[opportunity.id] = simulation.next_id("saved_items")
        story.insert(
            "saved_items",
            (member.saved[opportunity.id], client.id, member.id, opportunity.id, recommendation, at + 20 * SECOND),
        )
        calls.track(
            simulation, story, at + 20 * SECOND, member, surface, "Recommendation Saved", position=position, **shown
        )
    if chance.random() < 0.05:
        calls.track(
            simulation, story, at + 22 * SECOND, member, surface, "Opportunity Shared", opportunity_id=opportunity.id,
            kind=opportunity.kind, referrer_recommendation_id=recommendation,
        )  # fmt: skip
    if chance.random() < 0.06:
        _rate(simulation, story, at + 24 * SECOND, member, surface, channel, one, recommendation, None)


def _dismiss(
    simulation: Simulation, story: Transaction, at: int, member: Member, surface: str, channel: str, one: Ranked,
    recommendation: int, position: int,
) -> None:  # fmt: skip
    reason = simulation.chance.choices(REASONS, (45, 20, 15, 12, 8))[0]
    member.closed_to.add(one.opportunity.id)
    calls.track(
        simulation, story, at, member, surface, "Recommendation Dismissed", recommendation_id=recommendation,
        opportunity_id=one.opportunity.id, position=position, reason_code=reason,
    )  # fmt: skip
    _rate(simulation, story, at, member, surface, channel, one, recommendation, reason)


def _rate(
    simulation: Simulation, story: Transaction, at: int, member: Member, surface: str, channel: str, one: Ranked,
    recommendation: int, reason: str | None,
) -> None:  # fmt: skip
    chance = simulation.chance
    if reason is None:
        kind = "thumbs_up" if chance.random() < _sigmoid(one.interest) else "thumbs_down"
    else:
        kind = chance.choices(("dismiss", "not_interested", "report"), (70, 29, 1))[0]
    story.insert(
        "match_feedback",
        (
            simulation.next_id("match_feedback"), recommendation, member.client.id, member.id, one.opportunity.id, kind,
            reason, None if chance.random() < 0.9 else "Please show me fewer of these.", at,
        ),
    )  # fmt: skip
    calls.track(
        simulation, story, at, member, surface, "Feedback Submitted", recommendation_id=recommendation,
        opportunity_id=one.opportunity.id, kind=kind, reason_code=reason, channel=channel,
    )  # fmt: skip


def _reasons(member: Member, one: Ranked) -> str:
    """Why the engine recommends it, as JSON."""
    reasons = []
    if one.fit >= 0.5:
        reasons.append('"skills"')
    if one.opportunity.kind in member.open_to:
        reasons.append('"open_to"')
    if one.opportunity.location == member.location:
        reasons.append('"location"')
    if one.opportunity.level > member.level:
        reasons.append('"next_level"')
    return "[" + ", ".join(reasons) + "]"


def _sigmoid(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))
