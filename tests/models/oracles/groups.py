"""Labels of the match examples by what people told of themselves."""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from typing import Any  # Any: keys of groups

from tests.models.oracles.bias import told
from tests.models.oracles.labels import ml_match_labels
from tests.models.oracles.source import Row, Rows, Source, oracle
from tests.models.oracles.training import spine

LABELS = ("label_click_24h", "label_save_14d", "label_apply_14d", "label_advance_30d", "label_hired_90d")


def groups(source: Source) -> dict[str, tuple[str | None, str | None]]:
    """Sex and race of each person among the examples, by their newest answer that still counts."""
    consents = source.by_id("consents")
    answers: dict[tuple[int, int], Row] = {}
    for row in source.rows("restricted.member_demographics"):
        consent = consents.get(row["consent_id"])
        if row["consent_id"] is None or (consent and consent["withdrawn_at"] is None):
            answers[row["client_id"], row["member_id"]] = row
    newest: dict[str, Row] = {}
    found: dict[str, tuple[str | None, str | None]] = {}
    for row in source.once(spine):
        key, answer = row["subject_key"], answers.get((row["client_id"], row["member_id"]))
        found.setdefault(key, (None, None))
        before = newest.get(key)
        if answer and (before is None or answer["self_identified_at"] > before["self_identified_at"]):
            newest[key] = answer
            found[key] = (told(answer["sex"]), told(answer["race_ethnicity"]))
    return found


@oracle(
    "restricted.rpt_match_label_counts",
    "client_id client_slug dimension category label_name member_count mature_count positive_count is_unknown",
)
def rpt_match_label_counts(source: Source) -> Rows:
    slugs = {row["id"]: row["slug"] for row in source.rows("clients")}
    of_example = {row[0]: row[2 : 2 + len(LABELS)] for row in ml_match_labels.expected(source)}
    people: dict[Any, set[str]] = defaultdict(set)
    sights: dict[Any, int] = defaultdict(int)
    hits: dict[Any, int] = defaultdict(int)
    for row in source.once(spine):
        if row["example_kind"] != "impression":
            continue
        of_person = dict(zip(("sex", "race"), source.once(groups)[row["subject_key"]], strict=True))
        for (label, value), client in product(
            zip(LABELS, of_example[row["example_id"]], strict=True), (row["client_id"], None)
        ):
            for dimension, category in of_person.items():
                if value is not None:
                    key = (client, dimension, category, label)
                    people[key].add(row["subject_key"])
                    sights[key] += 1
                    hits[key] += bool(value)
    for key, count in sights.items():
        client, dimension, category, label = key
        yield (
            *(client, slugs.get(client, "(all)"), dimension, category or "Unknown", label),
            *(len(people[key]), count, hits[key], category is None),
        )


ORACLES = (rpt_match_label_counts,)
