"""A small warehouse with one relation: 2,000 examples over 100 days, made by SQL only."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from training import Cut

CUT = Cut(epoch=1, lsn=4096, at=datetime(2026, 4, 11, tzinfo=UTC))  # day 100

# One row in 72 minutes, seen two minutes after it was scored; clicks are known a day, applications five days
# after that. At the cut the model has hidden what is not mature then.
EXAMPLES = """
create schema ml;
create table ml.examples as
select
    i as example_id,
    md5('member' || (i % 97)) as subject_key,
    (['job', 'gig', 'project'])[1 + i % 3] as opportunity_kind,
    (i % 7)::smallint as member_level,
    case when i % 11 = 0 then null else (i * 37 % 1000) / 1000.0::double end as skill_coverage,
    i % 5 = 0 as is_same_org_unit,
    i % 101 = 0 as is_left_censored,
    (i % 100 / 4.0)::decimal(9, 2) as member_capacity_hours,
    case when shown_at + interval 1 day <= timestamptz '2026-04-11 00:00:00+00' then i % 6 = 0 end as label_click_24h,
    case when shown_at + interval 5 day <= timestamptz '2026-04-11 00:00:00+00' then i % 20 = 0 end as label_apply_5d,
    requested_at,
    shown_at
from (
    select
        i,
        timestamptz '2026-01-01 00:00:00+00' + i * interval 72 minute as requested_at,
        timestamptz '2026-01-01 00:02:00+00' + i * interval 72 minute as shown_at
    from range(2000) as numbers (i)
);
"""

SPEC: dict[str, Any] = {
    "name": "examples",
    "description": "One row per example.",
    "relation": "ml.examples",
    "id": "example_id",
    "time": "requested_at",
    "known": "shown_at",
    "context": ["shown_at", "subject_key"],
    "features": [
        "opportunity_kind",
        "member_level",
        "skill_coverage",
        {"name": "is_same_org_unit", "description": "Same unit."},
        "member_capacity_hours",
    ],
    "labels": [
        {"name": "label_click_24h", "window": "24h", "since": "shown_at"},
        {"name": "label_apply_5d", "window": "5d", "since": "shown_at"},
    ],
    "exclude": [{"when": "is_left_censored", "reason": "unknown before the log began"}],
    "split": {"kind": "time", "train": 0.6, "valid": 0.2, "test": 0.2},
    "seed": 7,
}


class DuckDB:
    """A Connection that also streams; `pieces` is the size of its batches."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, pieces: int = 1000) -> None:
        self.raw = connection
        self._pieces = pieces

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        return self.raw.sql(sql, params=parameters).to_arrow_table()

    def arrow_batches(self, sql: str, parameters: Mapping[str, object] | None = None) -> Iterator[pa.RecordBatch]:
        yield from self.raw.sql(sql, params=parameters).to_arrow_reader(self._pieces)


@contextmanager
def warehouse(threads: int = 2, pieces: int = 1000) -> Iterator[DuckDB]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'; SET autoinstall_known_extensions=false")
        connection.execute(f"SET threads={threads}")
        connection.execute(EXAMPLES)
        yield DuckDB(connection, pieces)
