"""Builds a dataset again from its manifest alone: the same rows, or a successor without those who left.

Specification, as-of time, boundaries of the splits and the columns' types come from the manifest; the warehouse may be
another copy, another engine, or run on other threads. Two things may come out. The same logical hash: then the parts
are compared byte by byte where the same versions write them. Or fewer people: consent and erasure are honoured as of
now, so somebody who left since is gone, and everything else must be as it was, row by row. Anything else is an error.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from training.alignment import Alignment, align
from training.building.build import Draft, drafted, finish, resolve_as_of
from training.building.origin import Origin
from training.building.plan import Pinned
from training.building.selection import Selection
from training.building.writing import Progress
from training.compare import SPLIT
from training.connection import Connection
from training.dataset import Dataset
from training.errors import RebuildError
from training.manifest import BUILDER, FILE_NAME, Cut, Manifest
from training.papers import file_sha256
from training.spec import SPLITS, DatasetSpec, parse_spec
from training.sql import quoted
from training.subjects import gone, veiled


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The outcome of a rebuild. `directory` is the dataset that has these rows now, made just now where `created`.

    `files_differing` names parts with other bytes; None where other versions wrote them, so that bytes say nothing.
    `left_out` counts the people who are in the first dataset and not in this one, by reason.
    """

    id: str
    directory: Path
    created: bool
    successor: bool
    rows: int
    files_differing: tuple[str, ...] | None
    left_out: Mapping[str, int]
    rows_left_out: int


def rebuild(
    connection: Connection,
    manifest: Manifest,
    *,
    out: Path,
    cut: Cut,
    origin: Origin | None = None,
    before: Path | None = None,
    progress: Progress | None = None,
) -> Rebuilt:
    """Build the manifest's dataset again below `out`.

    `before` is the first dataset's directory, where it is still there: without it nobody can prove what a difference
    consists of. Raises RebuildError that names what differs; then nothing is left behind.
    """
    if manifest.document["inputs"]["builder"] != BUILDER:
        raise RebuildError(
            f"{manifest.name}/{manifest.id} was made by rules {manifest.document['inputs']['builder']} of the builder,"
            f" these are {BUILDER}; rebuild it with Flux {manifest.document['built']['code']}"
        )
    spec = parse_spec(manifest.document["inputs"]["spec"], FILE_NAME)
    origin = origin or Origin()
    selection = Selection(spec, resolve_as_of(manifest.as_of, cut))
    pinned = Pinned(manifest.bounds, schema_of(manifest))
    with drafted(connection, selection, out, origin=origin, progress=progress, pinned=pinned) as draft:
        if draft.content.hexdigest() == manifest.logical_hash:
            differing = _differing_files(draft, manifest)
            dataset, created = finish(draft, cut, origin)
            return Rebuilt(draft.id, dataset.directory, created, False, draft.content.rows, differing, {}, 0)
        people, rows = _who_left(connection, draft, manifest, before, spec)
        reasons = _reasons(connection, spec, people)
        facts = {
            "id": manifest.id,
            "logical_hash": manifest.logical_hash,
            "rows_left_out": rows,
            "subjects_left_out": len(people),
            "reasons": reasons,
            "subjects": veiled(people),
        }
        dataset, created = finish(draft, cut, origin, {"succeeds": facts})
        return Rebuilt(draft.id, dataset.directory, created, True, draft.content.rows, None, reasons, rows)


def schema_of(manifest: Manifest) -> pa.Schema:
    """Read the columns' types back from the manifest."""
    return pa.schema([pa.field(name, _type(text)) for name, text in manifest.columns.items()])


def _type(text: str) -> pa.DataType:
    if text.startswith("timestamp"):
        return pa.timestamp("us", tz="UTC")
    if decimal := re.fullmatch(r"decimal128\((\d+), (-?\d+)\)", text):
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    return pa.date32() if text.startswith("date32") else pa.type_for_alias(text)


def _differing_files(draft: Draft, manifest: Manifest) -> tuple[str, ...] | None:
    if manifest.document["tools"]["pyarrow"] != pa.__version__:
        return None
    written = {path.relative_to(draft.directory).as_posix(): path for path in draft.directory.rglob("part-*.parquet")}
    promised = {name: file["sha256"] for name, file in manifest.files.items() if name.endswith(".parquet")}
    return tuple(
        name
        for name in sorted(written.keys() | promised.keys())
        if name not in written or file_sha256(written[name]) != promised.get(name)
    )


def _who_left(
    connection: Connection, draft: Draft, manifest: Manifest, before: Path | None, spec: DatasetSpec
) -> tuple[set[str], int]:
    """Give the people who are gone and the number of their rows. Raises RebuildError where more differs than that."""
    name = f"{manifest.name}/{manifest.id}"
    if before is None or not all((before / split).is_dir() for split in SPLITS):
        raise RebuildError(
            f"{name} comes out otherwise: {_summary(draft, manifest)}; what exactly differs can be told only beside its"
            " parts, and they are not here"
        )
    Dataset(before).verify()
    matched = align(before, draft.directory, spec.id)
    found = list(_beyond(matched, spec))
    people: set[str] = set()
    if spec.subject is None:
        found.append(f"{len(matched.only_first):,} rows are gone")
    else:
        people, left = gone(matched, spec.subject)
        if left:
            found.append(f"{left:,} rows are left of people of whom other rows are gone")
    if found:
        raise RebuildError(
            f"{name} comes out otherwise: {'; '.join(found)}; 'flux training verify {manifest.id}' names the inputs"
            " that changed since"
        )
    return people, len(matched.only_first)


def _beyond(matched: Alignment, spec: DatasetSpec) -> list[str]:
    """Say what differs beyond rows that are gone."""
    found = [f"{len(matched.only_second):,} rows are new"] if len(matched.only_second) else []
    counts = {SPLIT: int(np.count_nonzero(matched.moved()))}
    counts |= {column: int(np.count_nonzero(matched.differing(column))) for column in spec.columns}
    return found + [f"column {column!r} differs in {count:,} rows" for column, count in counts.items() if count]


def _reasons(connection: Connection, spec: DatasetSpec, people: set[str]) -> dict[str, int]:
    """Count those who left by what the warehouse says of them. Raises RebuildError where it does not say why."""
    if spec.left_out is None or spec.subject is None:
        raise RebuildError(
            f"{len(people):,} people are gone, and {spec.name!r} names no relation 'left_out' that says why; nothing"
            " was built"
        )
    rows = connection.arrow(
        f"select distinct {quoted(spec.subject)} as subject, reason from {spec.left_out} where reason is not null"
    ).to_pylist()
    known = {row["subject"]: row["reason"] for row in rows}
    if lost := people - known.keys():
        raise RebuildError(
            f"{len(lost):,} of {len(people):,} people are gone and {spec.left_out} does not say why (neither erasure"
            " nor consent); nothing was built"
        )
    return dict(sorted(Counter(known[person] for person in people).items()))


def _summary(draft: Draft, manifest: Manifest) -> str:
    hashes: Mapping[str, Any] = manifest.document["column_hashes"]
    counts = [
        f"{split} has {draft.plan.splits[split]:,} rows, had {rows:,}"
        for split, rows in manifest.rows.items()
        if rows != draft.plan.splits[split]
    ]
    columns = [name for name, total in draft.content.columns().items() if total != hashes.get(name)]
    # Other rows change every column, so columns say something only where the rows are as many as they were.
    return "; ".join(counts or [f"columns {', '.join(columns) or '(only together)'} differ"])
