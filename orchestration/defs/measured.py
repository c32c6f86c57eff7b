"""What each materialisation tells, by one set of names, as numbers: Dagster plots these over time.

`dagster/row_count`, `seconds` (of making it; of what one step makes together, of the step), `cut` (of models and what
is made of them the number of the cut; of what is loaded the LSN as a number), `bytes` on disk, and `lag_seconds`: for
how long, when it was made, the source had changes that it lacks (orchestration/walk/freshness.py). What does not
apply is left out: a view holds no rows.
"""

from __future__ import annotations

from typing import Any

ROWS, SECONDS, CUT, BYTES, LAG = "dagster/row_count", "seconds", "cut", "bytes", "lag_seconds"


def measured(
    *,
    rows: int | None,
    seconds: float | None,
    cut: int | None,
    size_bytes: int | None,
    lag_seconds: float | None,
    **more: Any,  # Any: what Dagster takes as metadata
) -> dict[str, Any]:
    """Give the metadata of a materialisation."""
    told = {
        ROWS: rows,
        SECONDS: None if seconds is None else round(seconds, 3),
        CUT: cut,
        BYTES: size_bytes,
        LAG: None if lag_seconds is None else round(lag_seconds, 3),
    }
    return {name: value for name, value in told.items() if value is not None} | more
