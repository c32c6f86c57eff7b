"""Where each value of one row came from: the versions that it was made of, and what the same rule gives today.

Uses the oracle's own declarations and scan. It shows values, to whoever asked; nothing here logs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any  # Any: values of any column

import pyarrow.compute as pc

from training.connection import Connection
from training.dataset import Dataset
from training.errors import DatasetNotFoundError, TrainingError
from training.gate.history import Row, Version, read_histories
from training.gate.oracle import Scan, equal, scan_before, scan_now, spine_rows
from training.gate.origins import Origin, Origins, origins_of
from training.gate.text import listed, literals
from training.parts import read_row
from training.spec import duration


@dataclass(frozen=True, slots=True)
class Source:
    """One version of a row of the product: what happened to it, and where that lies in the order of commits."""

    table: str
    key: tuple[Any, ...]
    op: str
    position: str  # epoch:log position:order in the transaction
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """One value of the row. `agrees` is whether the histories give it still; None where no rule computes it."""

    column: str
    part: str  # feature, context or label
    value: Any
    rule: str
    sources: tuple[Source, ...]
    agrees: bool | None
    now: Any


def explain_row(connection: Connection, dataset: Dataset, row_id: int) -> list[Told]:
    """Tell every value of the row: first features, then the rest, in the dataset's order.

    Raises DatasetNotFoundError when the dataset has no such row, TrainingError when nothing says where the columns of
    its relation come from, or when the row is no longer in the warehouse.
    """
    spec = dataset.manifest.document["inputs"]["spec"]
    origins = origins_of(spec["relation"])
    if origins is None:
        raise TrainingError(f"training/specs/origins says nothing of {spec['relation']!r}, so no row can be explained")
    written = _row(dataset, spec["id"], row_id)
    found = spine_rows(connection, origins, [row_id])
    if row_id not in found:
        raise TrainingError(
            f"row {row_id} of {dataset.manifest.name}/{dataset.manifest.id} is not in {origins.spine} any more: the"
            " person withdrew consent or was erased, or the models were built of other data"
        )
    row = found[row_id]
    histories = read_histories(connection, origins, [row], labels=True)
    then, now = scan_before(origins, histories, row), scan_now(origins, histories, row)
    told = []
    for part, names in _parts(spec).items():
        for name in names:
            declared = (origins.features if part == "feature" else origins.context).get(name)
            told.append(
                Told(name, part, written[name], "(of the models alone)", (), None, None)
                if declared is None
                else _scanned(part, declared, written, then, now)
            )
    return [*told, *_labels(connection, origins, spec, written, now)]


def _row(dataset: Dataset, id_column: str, row_id: int) -> Row:
    for split in dataset.manifest.rows:
        place = pc.index(dataset.arrow(split, [id_column]).column(0), row_id).as_py()
        if place >= 0:
            row: Row = read_row(dataset.directory, split, place).to_pylist()[0]
            return row
    raise DatasetNotFoundError(
        f"dataset {dataset.manifest.name}/{dataset.manifest.id} has no row {row_id}; ids are in its column"
        f" {id_column!r}, and what was left out is counted on its card"
    )


def _parts(spec: Mapping[str, Any]) -> dict[str, list[str]]:
    context = [spec["id"], spec["time"], *(column["name"] for column in spec["context"])]
    return {"feature": [column["name"] for column in spec["features"]], "context": context}


def _scanned(part: str, origin: Origin, written: Row, then: Scan, now: Scan) -> Told:
    computed = then.compute(origin)
    told = {name: ", ".join(value) if isinstance(value, list) else value for name, value in origin.settings.items()}
    settings = "".join(f", {name} {value}" for name, value in told.items())
    return Told(
        origin.column,
        part,
        written[origin.column],
        f"{origin.rule} of {', '.join(origin.of)}{settings}",
        tuple(_source(version) for version in computed.versions),
        equal(computed.value, written[origin.column]),
        now.compute(origin).value,
    )


def _source(version: Version) -> Source:
    epoch, lsn = version.place
    position = f"{epoch}:{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}:{version.seq}"
    return Source(version.table, version.key, version.op, position, version.committed_at)


def _labels(
    connection: Connection, origins: Origins, spec: Mapping[str, Any], written: Row, scan: Scan
) -> Iterator[Told]:
    """Labels come of what followed; beside the value as known at the as-of time stands what the models say today."""
    labels = [label for label in (*spec["labels"], *spec.get("outcomes", ())) if label["name"] in origins.labels]
    known = [column for label in labels if (column := origins.labels[label["name"]].known)]
    columns = listed(*dict.fromkeys((spec["id"], *(label["name"] for label in labels), *known)))
    chosen = literals([written[spec["id"]]])
    query = f"select {columns} from {spec['relation']} where {listed(spec['id'])} in ({chosen})"
    today: Row = next(iter(connection.arrow(query).to_pylist()), {})
    for label in labels:
        name, origin = label["name"], origins.labels[label["name"]]
        moment = today.get(origin.known or "")
        since = f", known since {moment.isoformat()}" if moment is not None else ""
        rule = f"within {label['window']} of {label['since']}, from {', '.join(origin.tables)}{since}"
        start, window = written.get(label["since"]), duration(label["window"])
        inside = [scan.happened(one, start, start + window) for one in origin.of] if start and window else []
        sources = tuple(_source(version) for versions in inside for version in versions)
        yield Told(name, "label", written[name], rule, sources, None, today.get(name))
    if relevance := spec.get("relevance"):
        name, grades = relevance["name"], relevance["grades"]
        rule = f"the highest of {', '.join(f'{label} {grade}' for label, grade in grades.items())}"
        yield Told(name, "label", written[name], rule, (), None, _relevance(grades, today))


def _relevance(grades: Mapping[str, int], labels: Row) -> int | None:
    """Give the highest grade that is true; where a label is not known, no lower grade than its own is either."""
    for label, grade in sorted(grades.items(), key=lambda one: -one[1]):
        if labels.get(label) is not False:
            return grade if labels.get(label) else None
    return 0
