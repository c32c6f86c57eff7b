"""What must hold of the rows as they were written: one for each row of the spine, labels known, splits apart."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any  # Any: values of any column

import pyarrow as pa
import pyarrow.compute as pc

from training.connection import Connection
from training.gate.finding import Finding
from training.gate.origins import Origins
from training.gate.parts import Parts, beside
from training.gate.text import listed
from training.spec import SPLITS, DatasetSpec, Label

_MOMENT = pa.timestamp("us", tz="UTC")


def check_cardinality(connection: Connection, spec: DatasetSpec, parts: Parts, origins: Origins | None) -> Finding:
    """One row an id, in the dataset, the relation and the spine that it widens; none lost on the way, none new."""
    relations = {spec.relation: spec.id} | ({origins.spine: origins.id} if origins else {})
    evidence: dict[str, Any] = {"rows": parts.rows, "ids": pc.count_distinct(parts.column(spec.id), mode="all").as_py()}
    passed = evidence["ids"] == evidence["rows"]
    counts = set()
    for relation, key in relations.items():
        query = f"select count(*) as row_count, count(distinct {listed(key)}) as id_count from {relation}"
        found = connection.arrow(query).to_pylist()[0]
        evidence[relation] = {"rows": found["row_count"], "ids": found["id_count"]}
        counts.add((found["row_count"], found["id_count"]))
        passed = passed and found["row_count"] == found["id_count"]
    if origins is not None:
        query = (
            f"select count(*) as row_count from {spec.relation} as told where not exists (select 1 from {origins.spine}"
            f" as spine where spine.{listed(origins.id)} = told.{listed(spec.id)})"
        )
        evidence["not_in_spine"] = connection.arrow(query).to_pylist()[0]["row_count"]
        passed = passed and len(counts) == 1 and evidence["not_in_spine"] == 0
    return Finding("spine_cardinality", passed, evidence)


def check_label_times(
    connection: Connection, spec: DatasetSpec, parts: Parts, origins: Origins | None, as_of: datetime
) -> Finding:
    """No label says what was not known at the as-of time: its window had ended, what makes it true was known."""
    labels, known = (*spec.labels, *spec.outcomes), _known_columns(spec, origins)
    times = (*known.values(), *(label.since for label in labels))
    limit, early = pa.scalar(as_of, _MOMENT), Counter[str]()
    for piece, told in _pieces(connection, spec, parts, None, labels, times):
        for label in labels:
            for what, wrong in _early(label, piece.column(label.name), told, known.get(label.name), limit).items():
                early[f"{label.name}_{what}"] += wrong
    evidence = {what: rows for what, rows in early.items() if rows}
    return Finding("label_times", not evidence, {"labels": len(labels), "with_known_time": len(known), **evidence})


def check_splits(connection: Connection, spec: DatasetSpec, parts: Parts, origins: Origins | None) -> Finding:
    """No id is in two splits. By time: the embargo lies between two, and no label of the earlier one says what was
    not known yet when the later one began. By entity: no entity is in two.
    """
    apart = (spec.id, *((spec.split.by,) if spec.split.by else ()))
    evidence = Counter({f"{column}_in_two_splits": _shared(parts, column) for column in apart})
    known = _known_columns(spec, origins)
    for split, following in pairwise(SPLITS) if spec.split.kind == "time" else ():
        begins = pc.min(parts.column(spec.time, following)).cast(_MOMENT)
        if not begins.is_valid:
            continue
        for piece, told in _pieces(connection, spec, parts, split, spec.labels, (*spec.anchors, *known.values())):
            for anchor in spec.anchors:
                inside = _ends_after(told[anchor], spec.split.embargo, begins)
                evidence[f"{split}_in_the_embargo_before_{following}_by_{anchor}"] += _count(inside)
            for label in spec.labels:
                early = _early(label, piece.column(label.name), told, known.get(label.name), begins)
                for what, rows in early.items():
                    evidence[f"{split}_{label.name}_{what}_when_{following}_began"] += rows
    return Finding("split_overlap", not any(evidence.values()), {k: v for k, v in evidence.items() if v})


def _known_columns(spec: DatasetSpec, origins: Origins | None) -> dict[str, str]:
    """Name by label the column that says since when it is known to be true: by the declarations, then by the spec."""
    declared = origins.labels if origins else {}
    found = {
        label.name: declared[label.name].known if label.name in declared else label.known
        for label in (*spec.labels, *spec.outcomes)
    }
    return {name: column for name, column in found.items() if column}


def _early(
    label: Label, column: pa.ChunkedArray, told: Mapping[str, pa.ChunkedArray], known: str | None, limit: pa.Scalar
) -> dict[str, int]:
    """Count the rows whose label is told before its window ended, or true before that was known."""
    open_still = pc.and_(column.is_valid(), _ends_after(told[label.since], label.window, limit))
    found = {"told_before_its_window_ended": _count(open_still)}
    if known is not None:  # true, and known too late or nobody knows since when
        late = pc.fill_null(pc.greater_equal(told[known], limit), True)
        found["true_before_it_was_known"] = _count(pc.and_(_is_true(column), late))
    return found


def _pieces(
    connection: Connection,
    spec: DatasetSpec,
    parts: Parts,
    split: str | None,
    labels: Iterable[Label],
    times: Iterable[str],
) -> Iterator[tuple[pa.Table, dict[str, pa.ChunkedArray]]]:
    """Yield pieces of labels as they were written, each beside times that the relation tells of the same rows."""
    names = tuple(dict.fromkeys(times))
    for piece in parts.pieces((spec.id, spec.time, *(label.name for label in labels)), split):
        ids, at = piece.column(spec.id), piece.column(spec.time)
        told = beside(connection, spec.relation, spec.id, spec.time, names, ids, at)
        yield piece, {name: told.column(name).cast(_MOMENT) for name in names}


def _ends_after(since: pa.ChunkedArray, window: timedelta, limit: pa.Scalar) -> pa.ChunkedArray:
    """Whether a window that begins at `since` ends after the limit; one that begins nowhere never ends."""
    ends = pc.add(since, pa.scalar(window, pa.duration("us")))
    return pc.fill_null(pc.greater(ends, limit), True)


def _is_true(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(column if pa.types.is_boolean(column.type) else pc.greater(column, 0), False)


def _count(condition: pa.ChunkedArray) -> int:
    return int(pc.sum(pc.fill_null(condition, False)).as_py() or 0)


def _shared(parts: Parts, column: str) -> int:
    """Count the values that more than one split has."""
    distinct: Sequence[pa.Array] = [pc.unique(parts.column(column, split)).drop_null() for split in SPLITS]
    return sum(len(values) for values in distinct) - len(pc.unique(pa.chunked_array(distinct)))
