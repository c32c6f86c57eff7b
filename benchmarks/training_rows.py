"""A relation of training examples as a model gives it, of any size: ids, times, 64 features of many shapes, labels.

Features are what features are like: small counts, shares of some digits, ages in days to the millionth, flags, texts,
some of them NULL. So they compress as such columns do, and dictionaries and plain pages both come up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import duckdb

from training import DatasetSpec, parse_spec

RELATION: Final = "ml.examples"
NUMBERS: Final = 64
_KINDS: Final = ("job", "project", "gig", "mentorship", "stretch role")


def feature(place: int) -> str:
    """SQL of a number of the row `i`; eight shapes take turns."""
    shapes = (
        f"cast(hash(i + {place}) % 12 as smallint)",
        f"cast(hash(i + {place}) % 400 as integer)",
        f"round(cast(hash(i * {place + 1}) % 1000003 as double) / 1000003, 6)",
        f"round(cast(hash(i + {place}) % 86400000 as double) / 86400, 6)",
        f"cast(hash(i + {place}) % 101 as double) / 100",
        f"hash(i + {place}) % 7 = 0",
        f"case when hash(i + {place}) % 9 <> 0 then cast(hash(i * {place + 1}) % 30 as integer) end",
        f"case when hash(i + {place}) % 5 <> 0 then round(ln(1 + hash(i) % {1000 + place}), 6) end",
    )
    return shapes[place % len(shapes)]


def write(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """Make the relation, in the order of its ids as a model leaves it."""
    numbers = ", ".join(f"{feature(place)} as feature_{place:02d}" for place in range(NUMBERS))
    kinds = ", ".join(f"'{kind}'" for kind in _KINDS)
    connection.execute("create schema if not exists ml")
    connection.execute(
        f"""create or replace table {RELATION} as
        select
            i * 64 as example_id,
            cast(hash(i) % 4 + 1 as bigint) as client_id,
            md5('subject ' || hash(i) % ({rows} // 40 + 1)) as subject_key,
            cast(hash(i * 3) % 5000 as bigint) as opportunity_id,
            cast(md5('request ' || i // 10) as uuid)::varchar as request_id,
            'v' || (1 + hash(i // 10) % 3) as model_version,
            cast(1 + i % 10 as integer) as position,
            round(cast(hash(i) % 1000003 as double) / 1000003, 6) as score,
            0.1::double as propensity,
            ([{kinds}])[cast(1 + hash(i) % {len(_KINDS)} as bigint)] as opportunity_kind,
            ([{kinds}])[cast(1 + hash(i * 7) % {len(_KINDS)} as bigint)] as member_wish,
            {numbers},
            hash(i) % 11 = 0 as label_click_24h,
            hash(i) % 40 = 0 as label_apply_14d,
            timestamptz '2026-01-01 00:00:00+00' + i // 10 * interval {120 * 86400 * 10 / max(rows, 10)} second
                as requested_at,
            timestamptz '2026-01-01 00:00:07+00' + i // 10 * interval {120 * 86400 * 10 / max(rows, 10)} second
                as shown_at
        from range({rows}) as numbers (i)"""
    )


def spec() -> DatasetSpec:
    """The specification of a dataset of all of it."""
    document: dict[str, Any] = {
        "name": "examples",
        "description": "Examples of a benchmark.",
        "relation": RELATION,
        "id": "example_id",
        "time": "requested_at",
        "known": "shown_at",
        "context": [
            *("shown_at", "client_id", "subject_key", "opportunity_id", "request_id", "model_version", "position"),
            *("score", "propensity"),
        ],
        "features": ["opportunity_kind", "member_wish", *(f"feature_{place:02d}" for place in range(NUMBERS))],
        "labels": [
            {"name": "label_click_24h", "window": "24h", "since": "shown_at"},
            {"name": "label_apply_14d", "window": "14d", "since": "shown_at"},
        ],
        "split": {"kind": "time", "train": 0.7, "valid": 0.15, "test": 0.15},
    }
    return parse_spec(document, Path(__file__).name)
