"""What a build tells its caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from training.dataset import Dataset


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """The outcome of a build. `created` is False when the dataset was there already."""

    name: str
    id: str
    directory: Path
    created: bool
    as_of: datetime
    logical_hash: str
    rows: Mapping[str, int]  # by split
    exclusions: Mapping[str, int]  # rows by reason
    base_rates: Mapping[str, Mapping[str, float | None]]  # by split, then label
    size_bytes: int
    seconds: float


def report_of(dataset: Dataset, created: bool, seconds: float) -> DatasetReport:
    """Read the report from the dataset's manifest."""
    manifest = dataset.manifest
    return DatasetReport(
        name=manifest.name,
        id=manifest.id,
        directory=dataset.directory,
        created=created,
        as_of=manifest.as_of,
        logical_hash=manifest.logical_hash,
        rows=manifest.rows,
        exclusions=manifest.exclusions,
        base_rates=manifest.base_rates,
        size_bytes=manifest.size_bytes,
        seconds=seconds,
    )
