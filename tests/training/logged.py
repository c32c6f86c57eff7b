"""A small warehouse whose facts came to be known late: requests of four impressions and drawn negatives.

`ml.requests` has 400 requests over 100 days with two impressions and six drawn rows each. Clicks are known at once, or
three days late for every fifth; applications within the 14 days, advances within 30. Written by SQL only.
"""

from typing import Any

LOGGED = """
create schema if not exists ml;
create table ml.requests as
select
    i * 64 + d as example_id,
    i as request_number,
    'r' || i as request_id,
    md5('member' || (i % 41)) as subject_key,
    'client' || (i % 9) as client_key,
    case when d < 2 then 'impression' when d < 6 then 'sampled_eligible' else 'popularity' end as example_kind,
    case when d >= 2 then 0.125::double end as sampling_probability,
    (i % 7)::integer as member_level,
    (d % 5) / 4.0::double as skill_coverage,
    i % 9 = 0 as is_client_holdout,
    i < 8 as is_before_log,
    i between 100 and 103 as is_in_history_gap,
    requested_at,
    requested_at + interval 2 minute as anchored_at,
    requested_at + interval 5 second as known_at,
    case when requested_at + interval 2 minute + interval 1 day <= cut_at then (i + d) % 5 = 0 end as label_click_24h,
    case when (i + d) % 5 = 0 then requested_at + interval 1 hour * (case when i % 5 = 0 then 72 else 1 end) end
        as click_24h_known_at,
    case when requested_at + interval 2 minute + interval 14 day <= cut_at then (i + d) % 11 = 0 end as label_apply_14d,
    case when (i + d) % 11 = 0 then requested_at + interval 9 day end as apply_14d_known_at,
    case when requested_at + interval 2 minute + interval 30 day <= cut_at then (i + d) % 33 = 0 end
        as label_advance_30d,
    case when (i + d) % 33 = 0 then requested_at + interval 25 day end as advance_30d_known_at,
    case when requested_at + interval 2 minute + interval 14 day <= cut_at then (i + d) % 11 = 0 and d = 0 end
        as is_apply_attributed,
    case when requested_at + interval 2 minute + interval 14 day <= cut_at and (i + d) % 5 <> 0
        then 'shown_not_clicked' end as negative_kind
from (
    select
        i,
        d,
        timestamptz '2026-01-01 00:00:00+00' + i * interval 6 hour as requested_at,
        timestamptz '2026-04-11 00:00:00+00' as cut_at
    from range(400) as requests (i) cross join range(8) as draws (d)
);
create table ml.left_out as
select
    'r' || i as request_id,
    md5('gone' || (i % 3)) as subject_key,
    case when i % 3 = 0 then 'erasure requested' else 'consent withdrawn' end as reason,
    timestamptz '2026-01-01 00:00:00+00' + i * interval 6 hour as requested_at,
    timestamptz '2026-01-01 00:00:05+00' + i * interval 6 hour as known_at
from range(30) as gone (i);
"""

LABELS: list[dict[str, Any]] = [
    {"name": "label_click_24h", "window": "24h", "since": "anchored_at", "known": "click_24h_known_at"},
    {"name": "label_apply_14d", "window": "14d", "since": "anchored_at", "known": "apply_14d_known_at"},
    {"name": "label_advance_30d", "window": "30d", "since": "anchored_at", "known": "advance_30d_known_at"},
]

LOGGED_SPEC: dict[str, Any] = {
    "name": "logged",
    "relation": "ml.requests",
    "left_out": "ml.left_out",
    "id": "example_id",
    "time": "requested_at",
    "known": "known_at",
    "subject": "subject_key",
    "context": [
        *("anchored_at", "request_id", "subject_key", "example_kind", "sampling_probability"),
        *("is_client_holdout", "is_before_log", "is_in_history_gap"),
    ],
    "features": ["member_level", "skill_coverage"],
    "labels": LABELS,
    "relevance": {
        "name": "relevance",
        "grades": {"label_click_24h": 1, "label_apply_14d": 3, "label_advance_30d": 4},
    },
    "outcomes": [
        {"name": "is_apply_attributed", "window": "14d", "since": "anchored_at", "known": "apply_14d_known_at"},
        {"name": "negative_kind", "window": "14d", "since": "anchored_at"},
    ],
    "negatives": {
        "column": "example_kind",
        "per": "request_id",
        "keep": {"impression": "all", "sampled_eligible": 2, "popularity": 1},
    },
    "before_log": "exclude",
    "history_gaps": "exclude",
    "split": {"train": 0.6, "valid": 0.2, "test": 0.2, "embargo": "2d", "holdout": "is_client_holdout"},
    "seed": 7,
}
