"""The spine of the match set: each seen impression of who may be learned from, and what was drawn for its request."""

from __future__ import annotations

from tests.models.oracles.match_lists import in_gap, lists, subjects
from tests.models.oracles.match_negatives import negatives
from tests.models.oracles.source import Row, Rows, Source, oracle


def spine(source: Source) -> list[Row]:
    """One row per example; `place` and `member` are those of its list."""
    found = []
    for one in source.once(lists):
        for sight in one["sights"]:
            served = sight["recommendation"]
            row = {"example_id": sight["id"] * 64, "example_kind": "impression", "position": sight["list_position"]}
            row |= {name: sight[name] for name in ("opportunity_id", "recommendation_id", "shown_at")}
            row |= {name: served[name] for name in ("rank", "score", "propensity", "is_exploration")}
            found.append({**_of_list(source, one), **row, "anchored_at": sight["shown_at"], "known_at": sight["known"]})
    nothing = dict.fromkeys(
        ("position", "recommendation_id", "shown_at", "rank", "score", "propensity", "is_exploration")
    )
    found += [{**_of_list(source, drawn["list"]), **nothing, **drawn} for drawn in source.once(negatives)]
    return found


def _of_list(source: Source, one: Row) -> Row:
    names = ("client_id", "member_id", "list_id", "model_version_id", "channel", "surface", "candidate_count")
    return {
        **{name: one[name] for name in (*names, "requested_at", "place", "member")},
        "request_id": str(one["id"]),
        "subject_key": source.once(subjects)[one["member_id"]],
        "is_before_log": one["_op"] == "snapshot",
        "is_in_gap": in_gap(source, one),
        "anchored_at": one["requested_at"],
        "known_at": one["known"],
        "epoch": one["_epoch"],
        "lsn": one["_lsn"],
        "chance": None,
    }


@oracle(
    "ml.ml_match_spine",
    "example_id client_id member_id opportunity_id recommendation_id request_id list_id model_version_id subject_key"
    " example_kind channel surface rank position candidate_count score propensity sampling_probability is_exploration"
    " is_before_log is_in_history_gap requested_on requested_at shown_at anchored_at known_at _epoch _lsn",
)
def ml_match_spine(source: Source) -> Rows:
    for row in source.once(spine):
        yield (
            *(row[name] for name in ("example_id", "client_id", "member_id", "opportunity_id", "recommendation_id")),
            *(row[name] for name in ("request_id", "list_id", "model_version_id", "subject_key", "example_kind")),
            *(row[name] for name in ("channel", "surface", "rank", "position", "candidate_count", "score")),
            *(row["propensity"], row["chance"], row["is_exploration"], row["is_before_log"], row["is_in_gap"]),
            *(row["requested_at"].date(), row["requested_at"], row["shown_at"], row["anchored_at"], row["known_at"]),
            *(row["epoch"], row["lsn"]),
        )


ORACLES = (ml_match_spine,)
