"""What may grow on disk, and by how much: pure.

Rows that are kept need room: mirrors, their histories (a row for each change) and events. So the warehouse may grow
with their number, but not the bytes that each of them takes. The log may not grow beyond its limit, nor what the slot
holds back; the published copy only with the warehouse. Dagster notes each run, of which the newest are kept
(`orchestration.old_runs`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.soak.fit import quantile, slope
from benchmarks.soak.sample import Sample
from benchmarks.soak.verdict import Verdict, megabytes

LOG_SLACK_BYTES: Final = 512 << 20  # what waits for the loader during a build, and segments that are written to
COPY_TIMES: Final = 2.2  # while a copy is made there are two
ROW_SHARE: Final = 0.1
RUN_BYTES: Final = 10 << 20
TEXT_BYTES_AN_HOUR: Final = 64 << 20
HOUR: Final = 3600.0


def disk(half: Sequence[Sample], log_keep_bytes: int, wal_budget_bytes: int) -> Iterator[Verdict]:
    """Judge the second half of a soak."""
    seconds = half[-1].at - half[0].at
    log = max(sum(size for part, size in sample.disk.items() if part.startswith("log/")) for sample in half)
    yield Verdict(
        "log on disk",
        log <= log_keep_bytes + LOG_SLACK_BYTES,
        f"at most FLUX_LOG_KEEP_BYTES ({megabytes(log_keep_bytes)}) and {megabytes(LOG_SLACK_BYTES)} of what waits",
        f"at most {megabytes(log)}",
    )
    slot = max((sample.slot_bytes for sample in half if sample.slot_bytes is not None), default=0)
    yield Verdict(
        "WAL of the slot",
        slot <= wal_budget_bytes // 10,
        f"never above a tenth of FLUX_WAL_BUDGET_BYTES ({megabytes(wal_budget_bytes // 10)})",
        f"at most {megabytes(slot)}",
    )
    yield _warehouse(half, seconds)
    copies = [sample.disk.get("published", 0) / size for sample in half if (size := sample.disk.get("warehouse"))]
    yield Verdict(
        "published copy",
        bool(copies) and max(copies) <= COPY_TIMES,
        f"never above {COPY_TIMES} times the warehouse",
        f"at most {max(copies, default=0):.2f} times, {megabytes(half[-1].disk.get('published', 0))} at the end",
    )
    runs = len({sample.built_at for sample in half} - {half[0].built_at})
    grown = half[-1].disk.get("dagster", 0) - half[0].disk.get("dagster", 0)
    yield Verdict(
        "Dagster's storage",
        grown <= RUN_BYTES * (runs + 1),
        f"grows by at most {megabytes(RUN_BYTES)} a run, of which the newest 300 of a job are kept",
        f"{megabytes(half[-1].disk.get('dagster', 0))} at the end, {grown / 1e6:+,.1f} MB in {runs} builds",
    )
    text = half[-1].disk.get("logs", 0) - half[0].disk.get("logs", 0)
    yield Verdict(
        "text logs",
        text <= TEXT_BYTES_AN_HOUR * max(seconds / HOUR, 0.1),
        f"grow by at most {megabytes(TEXT_BYTES_AN_HOUR)} an hour",
        f"{text / 1e6:+,.1f} MB in {seconds / 60:,.0f} minutes",
    )


def kept_rows(sample: Sample) -> int:
    """Count what the warehouse keeps: rows of mirrors, of histories, events."""
    return sample.rows + (sample.changes or 0) + sample.settled


def _warehouse(half: Sequence[Sample], seconds: float) -> Verdict:
    points = [
        (sample.at, sample.disk["warehouse"] / rows)
        for sample in half
        if (rows := kept_rows(sample)) and sample.changes is not None and "warehouse" in sample.disk
    ]
    middle = quantile([value for _, value in points], 0.5) or 0.0
    growth = (slope(points) or 0.0) * seconds
    first, last = half[0].disk.get("warehouse", 0), half[-1].disk.get("warehouse", 0)
    return Verdict(
        "warehouse on disk",
        bool(points) and growth <= ROW_SHARE * middle,
        "grows with the rows that it keeps (mirrors, histories, events) alone: bytes a row rise by at most a tenth",
        f"{megabytes(first)} to {megabytes(last)}, {middle:,.0f} bytes a row, {growth / middle if middle else 0:+.1%}",
    )
