"""The bias audit: decisions of the product's rows, rates, ratios and tests; scipy has the exact test."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import timedelta
from fractions import Fraction
from itertools import product
from math import ceil, erfc, exp, sqrt
from statistics import median
from typing import Any, NamedTuple  # Any: keys of groups

from scipy.stats import fisher_exact

from tests.models.oracles.hiring import KINDS, applications
from tests.models.oracles.source import Row, Rows, Source, oracle

YEAR, TOP_RANKS, NORMAL_95 = timedelta(days=365), 3, 1.959963984540054
STAGES = {"shortlisted": "screen", "interviewed": "interview", "hired": "hired"}
SEXES = {"f": "Female", "woman": "Female", "female": "Female", "m": "Male", "man": "Male", "male": "Male"}


class Decision(NamedTuple):
    client: int
    model: int
    member: int
    opportunity: int
    stage: str
    metric: str
    selected: bool
    at: Any


def told(answer: str | None) -> str | None:
    """A category of what somebody answered; None when it says nothing."""
    words = (answer or "").strip()
    small = words.lower()
    if words in ("", "{}") or small.startswith(("prefer not", "declin")):
        return None
    if small in ("unknown", "not specified", "not disclosed"):
        return None
    if re.search("[,;|]", words) or small.startswith("two or more"):
        return "Two or more"
    return SEXES.get(small, words.strip(' {}"'))


def decisions(source: Source) -> list[Decision]:
    """Of lists: one for each model, member and opportunity. Of the hiring side: one for each application it decided."""
    requests, recommendations = source.by_id("recommendation_requests"), source.by_id("match_recommendations")
    served: dict[tuple[int, int, int, int], list[Row]] = defaultdict(list)
    for row in recommendations.values():
        request = requests[row["request_id"]]
        if request["requested_at"] > source.cut - YEAR:
            key = (row["client_id"], request["model_version_id"], row["member_id"], row["opportunity_id"])
            served[key].append({**row, "at": request["requested_at"]})
    scores: dict[tuple[int, int], list[float]] = defaultdict(list)
    for key, rows in served.items():
        scores[key[:2]].append(max(row["score"] for row in rows))
    found = []
    for key, rows in served.items():
        at, score = max(row["at"] for row in rows), max(row["score"] for row in rows)
        shown = min(row["rank"] for row in rows) <= TOP_RANKS
        found.append(Decision(*key, "recommended", "selection", shown, at))
        found.append(Decision(*key, "recommended", "scoring", score > median(scores[key[:2]]), at))
    for row in source.once(applications):
        known = row["recommendation_id"] in recommendations and row["status"] in ("hired", "rejected")
        if known and row["decided"] > source.cut - YEAR:
            model = requests[recommendations[row["recommendation_id"]]["request_id"]]["model_version_id"]
            key = (row["client_id"], model, row["member_id"], row["opportunity_id"])
            for stage, kind in STAGES.items():
                selected = row["rank"] >= KINDS.index(kind) + 1
                found.append(Decision(*key, stage, "selection", selected, row["decided"]))
    return found


def samples(source: Source) -> dict[Any, dict[str | None, list[Decision]]]:
    """By client (None: all), model, stage, metric and dimension: the decisions of each category, None the unknown."""
    answers = {
        (row["client_id"], row["member_id"]): (told(row["sex"]), told(row["race_ethnicity"]))
        for row in source.rows("restricted.member_demographics")
    }
    found: dict[Any, dict[str | None, list[Decision]]] = defaultdict(lambda: defaultdict(list))
    for one in source.once(decisions):
        sex, race = answers.get((one.client, one.member), (None, None))
        both = f"{sex}, {race}" if sex and race else None
        categories = {"sex": sex, "race": race, "intersectional": both}
        for client, (dimension, category) in product((one.client, None), categories.items()):
            found[client, one.model, one.stage, one.metric, dimension][category].append(one)
    return found


def chosen(rows: list[Decision]) -> int:
    return sum(one.selected for one in rows)


def log_variance(rows: list[Decision]) -> float | None:
    """Variance of the logarithm of the rate, a member's decisions being one draw."""
    n, selected, members = len(rows), chosen(rows), defaultdict(list)
    for one in rows:
        members[one.client, one.member].append(one.selected)
    if not selected:
        return None
    return max(sum((sum(own) / selected - len(own) / n) ** 2 for own in members.values()), 0)


def compared(own: list[Decision], best: list[Decision], is_best: bool) -> Row:
    """What is said of a category beside the one with the highest rate."""
    n, x, best_n, best_x = len(own), chosen(own), len(best), chosen(best)
    ratio = float(Fraction(x * best_n, n * best_x)) if best_x else None
    found: Row = {"best_n": best_n, "best_x": best_x, "ratio": ratio, "adverse": 5 * x * best_n < 4 * best_x * n}
    found["short"] = max(0, ceil(Fraction(4 * best_x * n, 5 * best_n)) - x)
    if is_best:
        return found
    both, hits = n + best_n, x + best_x
    spread = sqrt(hits / both * (both - hits) / both * (1 / n + 1 / best_n))
    found["z"] = (x / n - best_x / best_n) / spread if spread else None
    is_small = both < 30 or min(n, best_n) * min(hits, both - hits) < 5 * both
    found["test"] = "fisher" if is_small else "z"
    if is_small:
        found["p"] = float(fisher_exact([[x, n - x], [best_x, best_n - best_x]]).pvalue)
    elif found["z"] is not None:
        found["p"] = erfc(abs(found["z"]) / sqrt(2))
    variances = (log_variance(own), log_variance(best))
    if ratio is not None and None not in variances:
        margin = NORMAL_95 * sqrt(sum(variances))  # type: ignore[arg-type]  # neither is None
        found |= {"low": ratio * exp(-margin), "high": ratio * exp(margin)}
    return found


def pooled(own: list[Decision], best: list[Decision]) -> Row:
    """Mantel-Haenszel over the opportunities in which both were assessed."""
    strata: dict[int, tuple[list[Decision], list[Decision]]] = defaultdict(lambda: ([], []))
    for number, rows in enumerate((own, best)):
        for one in rows:
            strata[one.opportunity][number].append(one)
    pairs = [pair for pair in strata.values() if all(pair)]
    if not pairs:
        return {}
    above = below = excess = variance = 0.0
    for rows, others in pairs:
        n, m, x, y = len(rows), len(others), chosen(rows), chosen(others)
        both, hits = n + m, x + y
        above, below, excess = above + x * m / both, below + y * n / both, excess + x - n * hits / both
        variance += n * m * hits * (both - hits) / (both * both * (both - 1))
    z = excess / sqrt(variance) if variance else None
    p = None if z is None else erfc(abs(z) / sqrt(2))
    return {"strata": len(pairs), "pooled": above / below if below else None, "pooled_z": z, "pooled_p": p}


def audit(source: Source) -> list[Row]:
    periods: dict[Any, list[Any]] = defaultdict(list)
    for key, categories in source.once(samples).items():
        periods[key[:4]] += [one.at for rows in categories.values() for one in rows]
    found = []
    for key, categories in source.once(samples).items():
        known = {category: rows for category, rows in categories.items() if category is not None}
        known_n = sum(map(len, known.values()))
        rates = {category: Fraction(chosen(rows), len(rows)) for category, rows in known.items()}
        compares = [category for category, rows in known.items() if 50 * len(rows) >= known_n]
        ranked = sorted(compares, key=lambda one: (-rates[one], -len(known[one]), one))
        for category, rows in categories.items():
            row: Row = {"key": key, "category": category or "Unknown", "n": len(rows), "selected": chosen(rows)}
            row |= {"members": len({(one.client, one.member) for one in rows}), "known_n": known_n}
            row |= {"unknown": category is None, "excluded": category is not None and category not in ranked}
            row |= {"rate": row["selected"] / row["n"], "share": None if category is None else row["n"] / known_n}
            row |= {"from": min(periods[key[:4]]), "to": max(periods[key[:4]])}
            if category in ranked:
                best = known[ranked[0]]
                row |= {"benchmark": ranked[0], **compared(rows, best, category == ranked[0])}
                if category != ranked[0]:
                    row |= pooled(rows, best)
            found.append(row)
    return found


def named(source: Source, row: Row) -> tuple[object, ...]:
    client, model, stage, metric, dimension = row["key"]
    slug = "(all)" if client is None else source.by_id("clients")[client]["slug"]
    version = source.by_id("model_versions")[model]
    cut = max(one["cut_id"] for one in source.rows("_flux.cuts"))
    label = f"{version['name']} {version['version']}"
    return (cut, client, model, slug, label, stage, metric, dimension, row["category"])


NAMED = "audit_id client_id model_version_id client_slug model_label tool_stage metric dimension category"


@oracle(
    "restricted.rpt_bias_audit",
    f"{NAMED} benchmark_category test_used n selected member_count known_n best_n best_selected shortfall stratum_count"
    " rate share impact_ratio ir_ci_low ir_ci_high z p_value pooled_impact_ratio pooled_z pooled_p_value"
    " adverse_impact is_unknown is_excluded_lt2pct period_start_at period_end_at cut_at",
)
def rpt_bias_audit(source: Source) -> Rows:
    names = (
        *("benchmark", "test", "n", "selected", "members", "known_n", "best_n", "best_x", "short", "strata", "rate"),
        *("share", "ratio", "low", "high", "z", "p", "pooled", "pooled_z", "pooled_p", "adverse", "unknown"),
        *("excluded", "from", "to"),
    )
    for row in source.once(audit):
        yield (*named(source, row), *(row.get(name) for name in names), source.cut)


def beside(hidden: set[str], rows: list[Row]) -> set[str]:
    """Hidden categories of a group, with the smallest of the others where a single one is hidden."""
    rest = sorted((row["members"], row["category"]) for row in rows if row["category"] not in hidden)
    return hidden | {category for _, category in rest[:1]} if len(hidden) == 1 else hidden


@oracle(
    "restricted.rpt_bias_audit_summary",
    f"{NAMED} n selected rate impact_ratio ir_ci_low ir_ci_high p_value adverse_impact is_unknown is_excluded_lt2pct"
    " is_suppressed period_starts_on period_ends_on client_name is_newest_version outcome_rank",
)
def rpt_bias_audit_summary(source: Source) -> Rows:
    """No cell of fewer than five people, none that others give away, no ratio over a hidden one."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in source.once(audit):
        groups[row["key"]].append(row)
    small = {key: {row["category"] for row in rows if row["members"] < 5} for key, rows in groups.items()}
    hidden = {key: beside(small[key], rows) for key, rows in groups.items()}
    for key, rows in groups.items():
        if key[0] is None:
            clients = [hidden[other] for other in groups if other[0] is not None and other[1:] == key[1:]]
            alone = {row["category"] for row in rows if sum(row["category"] in one for one in clients) == 1}
            hidden[key] = beside(hidden[key] | alone, rows)
    newest: dict[Any, int] = {}
    for client, model, *_ in groups:
        newest[client] = max(model, newest.get(client, model))
    for key, rows in groups.items():
        client, model, stage, metric, _ = key
        name = None if client is None else source.by_id("clients")[client]["name"]
        rank = 0 if metric == "scoring" else 1 + ["recommended", *STAGES].index(stage)
        for row in rows:
            is_hidden = row["category"] in hidden[key]
            blind = is_hidden or any(one.get("benchmark") in hidden[key] for one in rows)
            yield (
                *named(source, row),
                *(None if is_hidden else row[name] for name in ("n", "selected", "rate")),
                *(None if blind else row.get(name) for name in ("ratio", "low", "high", "p", "adverse")),
                *(row["unknown"], row["excluded"], is_hidden, row["from"].date(), row["to"].date()),
                *(name, model == newest[client], rank),
            )


ORACLES = (rpt_bias_audit, rpt_bias_audit_summary)
