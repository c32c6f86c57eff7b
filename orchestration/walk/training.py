"""From the published warehouse to training sets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from orchestration.settings import Settings
from orchestration.walk.readers import newest_cut, reading
from training import Cut, DatasetReport, DatasetSpec, load_spec
from training import build_dataset as _build_dataset
from training.spec_file import SPECS

__all__ = ["DatasetReport", "DatasetSpec"]


def dataset_specs() -> list[DatasetSpec]:
    """List the shipped specifications."""
    return [load_spec(path) for path in sorted(SPECS.glob("*.yaml"))]


def build_dataset(
    settings: Settings,
    spec: str,
    *,
    as_of: dt.datetime | None = None,
    lineage: Mapping[str, str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> DatasetReport:
    """Build a training set from the published warehouse; the same question to the same data changes nothing."""
    with reading(settings) as warehouse:
        newest = newest_cut(warehouse)
        return _build_dataset(
            warehouse,
            load_spec(spec),
            as_of=as_of,
            out=settings.datasets_directory,
            cut=Cut(newest.epoch, newest.lsn, newest.at),
            lineage=lineage,
            progress=progress,
        )
