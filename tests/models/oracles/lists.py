"""Whom and what lists reach, what a place in one does to clicks, and how unlike one another its opportunities are."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from math import log
from typing import Any  # Any: keys of groups

from tests.models.oracles.engagement import active_weeks
from tests.models.oracles.matching import impressions, recommendations, tracked_from
from tests.models.oracles.source import Row, Rows, Source, oracle, ratio
from tests.models.oracles.talent import headcounts, open_spans

LEAST_PROPENSITY = 0.1


def explored(source: Source) -> dict[tuple[int, int], list[Row]]:
    """By client and position: mature impressions of what was placed at random."""
    found: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in source.once(impressions):
        if row["click_mature"] and row["recommendation"]["is_exploration"]:
            found[row["client_id"], row["position"]].append(row)
    return found


def propensities(source: Source) -> dict[tuple[int, int], tuple[float, bool]]:
    """By client and position: the propensity, and whether it was clipped."""
    places = source.once(explored)
    rates = {key: sum(bool(row["clicked_at"]) for row in rows) / len(rows) for key, rows in places.items()}
    found = {}
    for (client, position), rate in rates.items():
        if first := rates.get((client, 1)):
            raw = rate / first
            found[client, position] = (min(max(raw, LEAST_PROPENSITY), 1), not LEAST_PROPENSITY <= raw <= 1)
    return found


@oracle(
    "reporting.rpt_debiased_clicks_weekly",
    "client_id client_slug client_name model_version_id model_label impression_count clicked_impression_count"
    " weighable_impression_count clipped_impression_count evidence_click_count click_weight_sum click_through_rate"
    " debiased_click_through_rate is_complete_week week_starts_on",
)
def rpt_debiased_clicks_weekly(source: Source) -> Rows:
    known, models, groups = source.once(propensities), source.by_id("model_versions"), defaultdict(list)
    for row in source.once(impressions):
        if row["click_mature"]:
            groups[row["client_id"], row["week"], row["request"]["model_version_id"]].append(row)
    for (client, start, model), rows in groups.items():
        week = source.week_of[client, start]
        placed = [(row, known[client, row["position"]]) for row in rows if (client, row["position"]) in known]
        clicked = sum(bool(row["clicked_at"]) for row in rows)
        weight = sum(1 / propensity for row, (propensity, _) in placed if row["clicked_at"])
        evidence = sum(
            bool(row["clicked_at"])
            for (of, position), places in source.once(explored).items()
            for row in places
            if of == client and (of, position) in known
        )
        yield (
            *(client, week["slug"], week["name"], model, f"{models[model]['name']} {models[model]['version']}"),
            *(len(rows), clicked, len(placed), sum(clipped for _, (_, clipped) in placed), evidence, weight),
            *(clicked / len(rows), ratio(weight, len(placed)), week["complete"], start),
        )


@oracle(
    "reporting.rpt_list_diversity_weekly",
    "client_id client_slug client_name model_version_id model_label channel list_count recommendation_count"
    " compared_list_count diversity_sum intra_list_diversity is_complete_week week_starts_on",
)
def rpt_list_diversity_weekly(source: Source) -> Rows:
    required: dict[int, set[int]] = defaultdict(set)
    for row in source.rows("opportunity_skills"):
        if row["is_required"]:
            required[row["opportunity_id"]].add(row["skill_id"])
    lists: dict[Any, list[Row]] = defaultdict(list)
    for row in source.once(recommendations):
        lists[row["request_id"]].append(row)
    groups: dict[Any, list[list[Row]]] = defaultdict(list)
    for rows in lists.values():
        request, client = rows[0]["request"], rows[0]["client_id"]
        start = source.week(client, request["requested_at"])
        groups[client, start, request["model_version_id"], request["channel"]].append(rows)
    models = source.by_id("model_versions")
    for (client, start, model, channel), members in groups.items():
        diversities = []
        for rows in members:
            asked = [required[row["opportunity_id"]] for row in rows if required[row["opportunity_id"]]]
            overlaps = [len(one & other) / len(one | other) for one, other in combinations(asked, 2)]
            if overlaps:
                diversities.append(1 - sum(overlaps) / len(overlaps))
        week, total = source.week_of[client, start], sum(diversities)
        yield (
            *(client, week["slug"], week["name"], model, f"{models[model]['name']} {models[model]['version']}"),
            *(channel, len(members), sum(map(len, members)), len(diversities), total),
            *(ratio(total, len(diversities)), week["complete"], start),
        )


@oracle(
    "reporting.rpt_recommendation_coverage_weekly",
    "client_id client_slug client_name open_opportunity_count shown_opportunity_count member_count"
    " active_member_count shown_member_count shown_active_member_count impression_count catalogue_coverage"
    " member_coverage active_member_coverage exposure_gini exposure_entropy is_complete_week week_starts_on",
)
def rpt_recommendation_coverage_weekly(source: Source) -> Rows:
    seen: dict[object, list[Row]] = defaultdict(list)
    for row in source.once(impressions):
        seen[row["client_id"], row["week"]].append(row)
    for week in source.weeks:
        key, sights = (week["client_id"], week["week"]), seen[week["client_id"], week["week"]]
        spans = [row for row in source.once(open_spans) if row["client_id"] == week["client_id"]]
        spans = [row for row in spans if row["from"] < week["as_of_at"]]
        catalogue = {r["opportunity_id"] for r in spans if r["to"] is None or week["starts_at"] < r["to"]}
        counts = Counter(row["opportunity_id"] for row in sights)
        shown = sorted(counts.get(number, 0) for number in catalogue)
        total, size, known = sum(shown), len(shown), source.once(headcounts)[key]
        people = {row["member_id"] for row in sights}
        tracked = source.once(tracked_from).get(week["client_id"])
        active = source.once(active_weeks)[key] if tracked is not None and week["ends_at"] > tracked else None
        reached = None if active is None else len(people & active)
        busy = None if active is None else len(active)
        gini = entropy = None
        if total:
            gini = 2 * sum(rank * count for rank, count in enumerate(shown, 1)) / (size * total) - (size + 1) / size
            spread = -sum(count / total * log(count / total) for count in shown if count)
            entropy = spread / log(size) if size > 1 else None
        yield (
            *(week["client_id"], week["slug"], week["name"], size, sum(count > 0 for count in shown), known, busy),
            *(len(people), reached, total, ratio(sum(count > 0 for count in shown), size), ratio(len(people), known)),
            *(ratio(reached, busy), gini, entropy, week["complete"], week["week"]),
        )


ORACLES = (rpt_recommendation_coverage_weekly, rpt_debiased_clicks_weekly, rpt_list_diversity_weekly)
