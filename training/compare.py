"""How two datasets differ: specification, columns, rows by id, base rates. Counts and names, never values of a cell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.alignment import align
from training.content import require_family
from training.dataset import Dataset
from training.errors import SpecError
from training.spec import SPLITS

SPLIT = "(split)"  # stands among the changed columns for rows that moved to another split

Rate = float | None
Tree = Any  # Any: a JSON tree


@dataclass(frozen=True, slots=True)
class Difference:
    """What becomes of the first dataset when one goes over to the second.

    `spec` gives the paths of the specification that differ, with both values. `columns_retyped` are of another kind and
    compared no further. `columns_changed` counts, among the rows that both have, those whose value differs.
    """

    first: str
    second: str
    as_of: tuple[str, str]
    spec: Mapping[str, tuple[Tree, Tree]]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    columns_retyped: Mapping[str, tuple[str, str]]
    columns_changed: Mapping[str, int]
    rows_added: int
    rows_removed: int
    rows_changed: int
    rows_same: int
    base_rates: Mapping[str, Mapping[str, tuple[Rate, Rate]]]  # by split, then label of either

    @property
    def same(self) -> bool:
        """Whether they differ in nothing that was asked or came out."""
        rows = self.rows_added or self.rows_removed or self.rows_changed
        columns = self.columns_added or self.columns_removed or self.columns_retyped
        return not (rows or columns or self.spec) and self.as_of[0] == self.as_of[1]

    def to_json(self) -> dict[str, Tree]:
        """Return it as plain JSON."""
        return {"same": self.same, **{field.name: getattr(self, field.name) for field in fields(self)}}


def compare(first: Dataset, second: Dataset) -> Difference:
    """Compare two datasets of one grain. Reads each column of both once, one at a time."""
    before, after = first.manifest, second.manifest
    row_id = before.document["inputs"]["spec"]["id"]
    if row_id != after.document["inputs"]["spec"]["id"]:
        raise SpecError(
            f"{first!r} has one row per {row_id}, {second!r} one per {after.document['inputs']['spec']['id']};"
            " there is nothing to compare row by row"
        )
    both = [name for name in before.columns if name in after.columns]
    retyped = dict(_retyped(first, second, both))
    matched = align(first.directory, second.directory, row_id)
    moved = matched.moved()
    changed, counts = moved.copy(), {SPLIT: int(np.count_nonzero(moved))}
    for name in both:
        if name not in retyped:
            differs = matched.differing(name)
            changed |= differs
            counts[name] = int(np.count_nonzero(differs))
    return Difference(
        first=f"{before.name}/{before.id}",
        second=f"{after.name}/{after.id}",
        as_of=(before.as_of.isoformat(), after.as_of.isoformat()),
        spec=dict(spec_changes(before.document["inputs"]["spec"], after.document["inputs"]["spec"])),
        columns_added=tuple(name for name in after.columns if name not in before.columns),
        columns_removed=tuple(name for name in before.columns if name not in after.columns),
        columns_retyped=retyped,
        columns_changed={name: count for name, count in counts.items() if count},
        rows_added=len(matched.only_second),
        rows_removed=len(matched.only_first),
        rows_changed=int(np.count_nonzero(changed)),
        rows_same=int(len(changed) - np.count_nonzero(changed)),
        base_rates=_rates(before.base_rates, after.base_rates),
    )


def spec_changes(before: Tree, after: Tree, path: str = "") -> Iterator[tuple[str, tuple[Tree, Tree]]]:
    """Yield the paths at which two JSON trees differ; entries of lists are told apart by their name."""
    before, after = _named(before), _named(after)
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from spec_changes(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif before != after:
        yield path, (before, after)


def _named(tree: Tree) -> Tree:
    if isinstance(tree, list) and all(isinstance(entry, dict) and "name" in entry for entry in tree):
        return {entry["name"]: entry for entry in tree}
    return tree


def _retyped(first: Dataset, second: Dataset, names: list[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    schemas = [_schema(dataset) for dataset in (first, second)]
    for name in names:
        before, after = (schema.field(name) for schema in schemas)
        if require_family(before) != require_family(after):
            yield name, (str(before.type), str(after.type))


def _schema(dataset: Dataset) -> pa.Schema:
    return pq.read_schema(next((dataset.directory / SPLITS[0]).glob("part-*.parquet")))


def _rates(
    before: Mapping[str, Mapping[str, Rate]], after: Mapping[str, Mapping[str, Rate]]
) -> dict[str, dict[str, tuple[Rate, Rate]]]:
    return {
        split: {
            label: (before[split].get(label), after[split].get(label))
            for label in dict.fromkeys((*before[split], *after[split]))
        }
        for split in SPLITS
    }
