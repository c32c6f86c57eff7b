"""Whether what a dataset was made from is still what it was: `verify` names each input that changed since.

The dataset itself does not change with its inputs; this tells whether it could be had again, and what stands in the
way. The rows are read again and hashed, nothing is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from training.building.build import resolve_as_of
from training.building.origin import Origin
from training.building.plan import Pinned, make_plan
from training.building.selection import Selection
from training.building.writing import Progress
from training.compare import spec_changes
from training.connection import Connection, batches
from training.content import ContentHash
from training.errors import AsOfError, BuildError, SpecError
from training.manifest import BUILDER, FILE_NAME, Cut, Manifest
from training.parts import groups
from training.rebuild import schema_of
from training.spec import SPLITS, DatasetSpec, parse_spec
from training.spec.document import document

Tree = Any  # Any: a JSON tree


@dataclass(frozen=True, slots=True)
class Change:
    """One input that is not what it was: its kind (file, specification, source, ...), its name, both states."""

    kind: str
    name: str
    was: Tree
    now: Tree


def changed_inputs(manifest: Manifest, origin: Origin, spec: DatasetSpec | None) -> Iterator[Change]:
    """Compare a manifest with the evidence of now; `spec` is the specification of that name as it is now."""
    inputs = manifest.document["inputs"]
    if inputs["builder"] != BUILDER:
        yield Change("code", "rules of the builder", inputs["builder"], BUILDER)
    if spec is not None:
        for path, (was, now) in spec_changes(inputs["spec"], document(spec)):
            yield Change("specification", path, was, now)
    then = manifest.document["cut"]
    if origin.position is not None and then != origin.position.to_json():
        yield Change("position", "of the as-of time", _position(then), _position(origin.position.to_json()))
    yield from _differences(
        "source",
        {source["relation"]: _source(source) for source in manifest.document["sources"]},
        {source.relation: _source(source.to_json()) for source in origin.sources},
    )
    lineage = manifest.document["lineage"]
    yield from _differences("model", lineage["models"], origin.models)
    yield from _differences("code", lineage["code"], origin.code)


def changed_relation(
    connection: Connection, manifest: Manifest, cut: Cut, progress: Progress | None = None
) -> Iterator[Change]:
    """Read the relation's rows as of then again, and compare their hash. Costs what a build costs, less the writing."""
    spec = parse_spec(manifest.document["inputs"]["spec"], FILE_NAME)
    try:
        selection = Selection(spec, resolve_as_of(manifest.as_of, cut))
        plan = make_plan(connection, selection, Pinned(manifest.bounds, schema_of(manifest)))
        content = ContentHash(plan.schema)
        for split in SPLITS:
            rows = 0
            for group in groups(batches(connection, selection.rows(split, plan.bounds)), plan.schema):
                content.update(split, group)
                rows += group.num_rows
                if progress is not None:
                    progress(split, rows, plan.splits[split])
    except (AsOfError, BuildError, SpecError) as error:
        yield Change("relation", spec.relation, f"{sum(manifest.rows.values()):,} rows", str(error))
        return
    if content.hexdigest() == manifest.logical_hash:
        return
    before: Mapping[str, str] = manifest.document["column_hashes"]
    for split, count in manifest.rows.items():
        if plan.splits[split] != count:
            yield Change("relation", f"{spec.relation} ({split})", f"{count:,} rows", f"{plan.splits[split]:,} rows")
    if manifest.rows == dict(plan.splits):
        columns = [name for name, total in content.columns().items() if total != before.get(name)]
        yield Change("relation", spec.relation, "its rows", f"other values in {', '.join(columns) or 'their pairing'}")


def _differences(kind: str, before: Mapping[str, Tree], after: Mapping[str, Tree]) -> Iterator[Change]:
    """Compare what both sides tell; a side that tells nothing at all was not asked."""
    if not before or not after:
        return
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Change(kind, name, before.get(name), after.get(name))


def _position(cut: Mapping[str, Tree]) -> str:
    return f"epoch {cut['epoch']}, {cut['lsn']}, {cut['at']}"


def _source(source: Mapping[str, Tree]) -> str:
    place = f" up to epoch {source['epoch']}, {source['lsn']}" if source["lsn"] is not None else ""
    return f"{source['rows']:,} rows{place}"
