"""From the published warehouse to training sets, and back: is one still what it was, whom does it hold."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.costs import read_log
from orchestration.costs.read_log import Reading
from orchestration.settings import Settings
from orchestration.walk.readers import newest_cut, reading_rows
from orchestration.walk.training_origin import origin_of, resolve_subject
from training import Cut, Dataset, DatasetReport, DatasetSpec, Export, export, load_spec, overridden
from training import build_dataset as _build_dataset
from training.errors import DatasetChangedError, DatasetNotFoundError, SpecError
from training.inputs import Change, changed_inputs, changed_relation
from training.manifest import Manifest, read_manifest
from training.page import write_page
from training.rebuild import Rebuilt
from training.rebuild import rebuild as _rebuild
from training.registry import find
from training.spec import SPECS, duration
from training.subjects import Holding, holdings

__all__ = ["Asked", "Change", "DatasetReport", "DatasetSpec", "Export", "Holding", "Rebuilt", "Verified"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A specification by its name or path, and what is asked for otherwise than it says."""

    spec: str
    seed: int | None = None
    horizon: str | None = None
    labels: tuple[str, ...] | None = None

    def load(self) -> DatasetSpec:
        """Load the specification as it is asked for."""
        horizon = None if self.horizon is None else duration(self.horizon)
        if self.horizon is not None and horizon is None:
            raise SpecError(f"horizon {self.horizon!r} is no duration; write it as 180d, 24h or 90m")
        return overridden(load_spec(self.spec), seed=self.seed, horizon=horizon, labels=self.labels)

    def to_json(self) -> dict[str, Any]:
        """Return what the manifest keeps, by which the specification can be had again."""
        labels = None if self.labels is None else list(self.labels)
        given = {"spec": self.spec, "seed": self.seed, "horizon": self.horizon, "labels": labels}
        return {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, what of it is not what it was, and why something could not be looked at."""

    name: str
    directory: Path
    rows: int
    files: int
    changes: tuple[Change, ...]
    unasked: str | None


def dataset_specs() -> list[DatasetSpec]:
    """List the shipped specifications."""
    return [load_spec(path) for path in sorted(SPECS.glob("*.yaml"))]


def build_dataset(
    settings: Settings,
    spec: str | Asked,
    *,
    as_of: dt.datetime | None = None,
    out: Path | None = None,
    lineage: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> DatasetReport:
    """Build a training set from the published warehouse; the same question to the same data changes nothing.

    `lineage` says which run builds it, and goes into the manifest.
    """
    asked = spec if isinstance(spec, Asked) else Asked(spec)
    loaded = asked.load()
    begun = time.perf_counter()
    with reading_rows(settings) as warehouse:
        newest = newest_cut(warehouse)
        cut = Cut(newest.epoch, newest.lsn, newest.at)
        report = _build_dataset(
            warehouse,
            loaded,
            as_of=as_of,
            out=out or settings.datasets_directory,
            cut=cut,
            origin=origin_of(settings, warehouse, loaded.relation, as_of or cut.at, asked=asked.to_json(), run=lineage),
            progress=progress,
        )
    write_page(Dataset(report.directory))
    seconds = time.perf_counter() - begun
    pull = Reading(
        read_log.DATASET, loaded.name, loaded.name, seconds, True, sum(report.rows.values()), None, [loaded.relation]
    )
    read_log.note(settings.logs_directory, [pull])
    return report


def export_dataset(report: DatasetReport, format: str, label: str | None = None) -> Export:
    """Write a dataset in another format beside it; what is there already is left as it is."""
    return export(Dataset(report.directory), format, label=label)


def verify_dataset(
    settings: Settings, dataset: str, *, files_only: bool = False, progress: Progress | None = None
) -> Verified:
    """Tell whether a dataset is what it was, and whether what it was made from still is.

    Reads the dataset twice and, unless `files_only`, its rows in the warehouse once.
    """
    directory = find(dataset, settings.datasets_directory)
    try:
        opened = Dataset(directory)
        verification = opened.verify()
    except DatasetChangedError as error:
        changes = tuple(Change("file", path, "as the manifest says", str(error)) for path in error.paths)
        return Verified(directory.name, directory, 0, 0, changes, None)
    manifest = opened.manifest
    found: tuple[Change, ...] = ()
    if not files_only:
        asked = manifest.document["asked"]
        spec, unasked = _spec_of_now(asked)
        with reading_rows(settings) as warehouse:
            newest = newest_cut(warehouse)
            cut = Cut(newest.epoch, newest.lsn, newest.at)
            origin = origin_of(settings, warehouse, _relation_of(manifest), manifest.as_of, asked=asked)
            found = (
                *changed_inputs(manifest, origin, spec),
                *changed_relation(warehouse, manifest, cut, progress),
            )
    else:
        unasked = "what it was made from was not looked at (--files)"
    name = f"{manifest.name}/{manifest.id}"
    return Verified(name, directory, verification.rows, verification.files, found, unasked)


def rebuild_dataset(
    settings: Settings, dataset: str, *, out: Path | None = None, progress: Progress | None = None
) -> Rebuilt:
    """Build a dataset again from its manifest, given as a dataset or as the file alone."""
    path = Path(dataset)
    if path.suffix == ".json" and not path.is_file():
        raise DatasetNotFoundError(f"there is no file {dataset!r}; give a dataset, or a manifest that was kept")
    if path.is_file():
        manifest, before = read_manifest(path), path.parent
    else:
        before = find(dataset, settings.datasets_directory)
        manifest = read_manifest(before)
    with reading_rows(settings) as warehouse:
        newest = newest_cut(warehouse)
        asked = manifest.document["asked"]
        return _rebuild(
            warehouse,
            manifest,
            out=out or settings.datasets_directory,
            cut=Cut(newest.epoch, newest.lsn, newest.at),
            origin=origin_of(settings, warehouse, _relation_of(manifest), manifest.as_of, asked=asked),
            before=before,
            progress=progress,
        )


def check_erasure(settings: Settings, subject: str) -> list[Holding]:
    """List the datasets that hold a person, given by subject key, or by member id where the warehouse knows it."""
    return holdings(settings.datasets_directory, resolve_subject(settings, subject))


def _spec_of_now(asked: Mapping[str, Any]) -> tuple[DatasetSpec | None, str | None]:
    """Load the specification that a dataset was asked for by, as it is now; else say why not."""
    if "spec" not in asked:
        return None, "the manifest does not say how its specification was named"
    labels = asked.get("labels")
    try:
        again = Asked(asked["spec"], asked.get("seed"), asked.get("horizon"), labels and tuple(labels))
        return again.load(), None
    except SpecError as error:
        return None, f"its specification was not compared: {error}"


def _relation_of(manifest: Manifest) -> str:
    return str(manifest.document["inputs"]["spec"]["relation"])
