"""Builds a dataset: one relation of the warehouse, as it was known at one time, into one immutable directory.

    <out>/<name>/<id>/{train,valid,test}/part-00000.parquet, stats.json, CARD.md, manifest.json

The directory's id is made from what was asked (specification, as-of time, meaning of the builder) and from what
came out (logical hash). The same question to the same data is the same id and changes nothing on disk. A build
that dies leaves no directory behind that looks finished. Rows never pass through Python objects.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from training import directory
from training.connection import Connection, batches
from training.content import ContentHash
from training.dataset import Dataset
from training.errors import AsOfError, BuildError
from training.manifest import BUILDER, Cut, dataset_id
from training.papers import write_papers
from training.parts import PartWriter, groups, normal_schema
from training.selection import Selection, check
from training.spec import SPLITS, DatasetSpec, duration_text

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]  # what is being done ("train"), rows done, rows in all


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


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where each row of the relation goes."""

    bounds: tuple[datetime, datetime] | None  # when valid and test begin
    splits: Mapping[str, int]
    exclusions: Mapping[str, int]


def build_dataset(
    connection: Connection,
    spec: DatasetSpec,
    *,
    as_of: datetime | None = None,
    out: Path,
    cut: Cut,
    lineage: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> DatasetReport:
    """Build the dataset of `spec` as of a time (default: the cut's own) below `out`.

    The relation must not change while this runs. `lineage` goes into the manifest as it is (code revision,
    hash of the models' manifest, run id). Raises AsOfError, SpecError, BuildError; nothing is left behind then.
    """
    started = time.perf_counter()
    report = progress or _silent
    selection = Selection(spec, _resolve(as_of, cut))
    schema = _schema(connection, selection)
    plan = _plan(connection, selection)
    with directory.building(out, spec.name) as temporary:
        content = _write_rows(connection, selection, plan, schema, temporary, report)
        inputs = {"spec": spec.to_json(), "as_of": selection.as_of.isoformat(), "builder": BUILDER}
        identity = dataset_id(inputs, content.hexdigest())
        final = temporary.parent / identity
        created = not final.exists()
        if created:
            facts = {
                "name": spec.name,
                "id": identity,
                "inputs": inputs,
                "logical_hash": content.hexdigest(),
                "as_of": selection.as_of.isoformat(),
                "cut": {"epoch": cut.epoch, "lsn": cut.lsn, "at": cut.at.astimezone(UTC).isoformat()},
                "schema": [{"name": field.name, "type": str(field.type)} for field in schema],
                "boundaries": [bound.astimezone(UTC).isoformat() for bound in plan.bounds or ()],
                "exclusions": dict(plan.exclusions),
                "lineage": dict(lineage or {}),
            }
            write_papers(temporary, spec, facts)
            directory.publish(temporary, identity)
    dataset = Dataset(final)
    if not created:
        dataset.verify()  # "nothing to do" must not hide that somebody edited it
    seconds = time.perf_counter() - started
    logger.info("dataset=%s id=%s created=%s rows=%d seconds=%.2f", spec.name, identity, created, content.rows, seconds)
    return _report(dataset, created, seconds)


def _resolve(as_of: datetime | None, cut: Cut) -> datetime:
    if as_of is None:
        return cut.at.astimezone(UTC)
    if as_of.tzinfo is None:
        raise AsOfError(f"as-of {as_of.isoformat()} has no time zone; write it in UTC, as {as_of.isoformat()}Z")
    if as_of > cut.at:
        raise AsOfError(
            f"as-of {as_of.astimezone(UTC).isoformat()} lies after the warehouse's cut"
            f" {cut.at.astimezone(UTC).isoformat()}, so nobody can know it yet; ask for that time or earlier, or load"
            " newer data and build the models again"
        )
    return as_of.astimezone(UTC)


def _schema(connection: Connection, selection: Selection) -> pa.Schema:
    found = connection.arrow(selection.describe()).schema
    check(selection.spec, found)
    schema = normal_schema(pa.schema([found.field(name) for name in selection.spec.columns]))
    ContentHash(schema)  # refuses what datasets cannot hold before any row is read
    return schema


def _plan(connection: Connection, selection: Selection) -> _Plan:
    spec = selection.spec
    counts = connection.arrow(selection.uniqueness()).to_pylist()[0]
    if counts["missing_id_count"] or counts["missing_time_count"]:
        raise BuildError(
            f"{spec.relation} has {counts['missing_id_count']} rows without {spec.id}"
            f" and {counts['missing_time_count']} without {spec.time}; both are the row's identity, so mend the model"
        )
    if counts["id_count"] != counts["row_count"]:
        raise BuildError(
            f"{spec.relation} has {counts['row_count']} rows but {counts['id_count']} different {spec.id}; a dataset"
            " has one row per id, so mend the model's grain"
        )
    bounds = _bounds(connection, selection) if spec.split.kind == "time" else None
    fates = {row["fate"]: int(row["row_count"]) for row in connection.arrow(selection.fates(bounds)).to_pylist()}
    if sum(fates.values()) != counts["row_count"]:
        raise BuildError(f"{spec.relation} changed during the build; run it while nothing writes to the warehouse")
    plan = _Plan(
        bounds,
        {split: fates.pop(split, 0) for split in SPLITS},
        dict(sorted(fates.items())),
    )
    if not sum(plan.splits.values()):
        reasons = "; ".join(f"{rows} {reason}" for reason, rows in plan.exclusions.items()) or "the relation is empty"
        raise BuildError(f"no row of {spec.relation} is left as of {selection.as_of.isoformat()} ({reasons})")
    for split, rows in plan.splits.items():
        if not rows:
            raise BuildError(
                f"split {split!r} of {spec.name!r} is empty: {sum(plan.splits.values())} rows are eligible as of"
                f" {selection.as_of.isoformat()}, with an embargo of {duration_text(spec.split.embargo)} before each"
                " boundary; give the split a larger share, the labels a shorter window, or pull as of a later time"
            )
    return plan


def _bounds(connection: Connection, selection: Selection) -> tuple[datetime, datetime] | None:
    row = connection.arrow(selection.boundaries()).to_pylist()[0]
    valid_from, test_from = row["valid_from"], row["test_from"]
    return None if valid_from is None or test_from is None else (valid_from, test_from)


def _write_rows(
    connection: Connection, selection: Selection, plan: _Plan, schema: pa.Schema, temporary: Path, report: Progress
) -> ContentHash:
    content = ContentHash(schema)
    for split in SPLITS:
        rows, expected = 0, plan.splits[split]
        report(split, 0, expected)
        with PartWriter(temporary / split, schema) as writer:
            for group in groups(batches(connection, selection.rows(split, plan.bounds)), schema):
                writer.write(group)
                content.update(split, group)
                rows += group.num_rows
                report(split, rows, expected)
        if rows != expected:
            raise BuildError(
                f"{selection.spec.relation} changed during the build ({split}: {expected} rows counted, {rows} read);"
                " run it while nothing writes to the warehouse"
            )
    return content


def _report(dataset: Dataset, created: bool, seconds: float) -> DatasetReport:
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


def _silent(step: str, rows: int, total: int) -> None:
    pass
