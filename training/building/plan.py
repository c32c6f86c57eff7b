"""Where each row of the relation goes, counted before any is written."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from training.building.fit import check
from training.building.selection import Bounds, Selection
from training.connection import Connection
from training.content import ContentHash
from training.errors import AsOfError, BuildError
from training.parts import normal_schema
from training.spec import SPLITS, duration_text


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a rebuild takes from the manifest instead of the data: where splits begin, and the columns' types."""

    bounds: Bounds | None
    schema: pa.Schema


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a build. `withheld` is what the models left out before: rows and people by reason."""

    schema: pa.Schema
    bounds: Bounds | None
    splits: Mapping[str, int]
    exclusions: Mapping[str, int]
    withheld: Mapping[str, Mapping[str, int | None]]


def make_plan(connection: Connection, selection: Selection, pinned: Pinned | None = None) -> Plan:
    """Count the rows by fate. Raises SpecError where the relation does not fit, BuildError where no set comes of it."""
    spec = selection.spec
    schema = _schema(connection, selection)
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
    if pinned is None:
        bounds = _bounds(connection, selection) if spec.split.kind == "time" else None
    else:
        bounds, schema = pinned.bounds, pinned.schema
    fates = {row["fate"]: int(row["row_count"]) for row in connection.arrow(selection.fates(bounds)).to_pylist()}
    if sum(fates.values()) != counts["row_count"]:
        raise BuildError(f"{spec.relation} changed during the build; run it while nothing writes to the warehouse")
    splits = {split: fates.pop(split, 0) for split in SPLITS}
    plan = Plan(schema, bounds, splits, dict(sorted(fates.items())), _withheld(connection, selection))
    if pinned is None:
        _refuse_empty(connection, selection, plan)
    return plan


def _schema(connection: Connection, selection: Selection) -> pa.Schema:
    found = connection.arrow(selection.describe()).schema
    check(selection.spec, found)
    relevance = selection.spec.relevance
    if relevance is not None:
        found = found.append(pa.field(relevance.name, pa.int32()))
    schema = normal_schema(pa.schema([found.field(name) for name in selection.spec.columns]))
    ContentHash(schema)  # refuses what datasets cannot hold before any row is read
    return schema


def _refuse_empty(connection: Connection, selection: Selection, plan: Plan) -> None:
    spec = selection.spec
    eligible = sum(plan.splits.values())
    if not eligible and plan.exclusions and set(plan.exclusions) <= set(selection.later):
        first = connection.arrow(selection.first_known()).to_pylist()[0]["first_known"]
        raise AsOfError(
            f"nothing of {spec.relation} was known as of {selection.as_of.isoformat()}: its first row became known at"
            f" {first.isoformat()}; ask for a later time"
        )
    if not eligible:
        reasons = "; ".join(f"{rows} {reason}" for reason, rows in plan.exclusions.items()) or "the relation is empty"
        raise BuildError(f"no row of {spec.relation} is left as of {selection.as_of.isoformat()} ({reasons})")
    for split, rows in plan.splits.items():
        if not rows:
            raise BuildError(
                f"split {split!r} of {spec.name!r} is empty: {eligible} rows are eligible as of"
                f" {selection.as_of.isoformat()}, with an embargo of {duration_text(spec.split.embargo)} before each"
                " boundary; give the split a larger share, make the embargo shorter, or pull as of a later time"
            )


def _bounds(connection: Connection, selection: Selection) -> Bounds | None:
    row = connection.arrow(selection.boundaries()).to_pylist()[0]
    valid_from, test_from = row["valid_from"], row["test_from"]
    return None if valid_from is None or test_from is None else (valid_from, test_from)


def _withheld(connection: Connection, selection: Selection) -> dict[str, dict[str, int | None]]:
    if selection.spec.left_out is None:
        return {}
    return {
        row["reason"]: {"rows": int(row["row_count"]), "subjects": row["subject_count"]}
        for row in connection.arrow(selection.left_out()).to_pylist()
    }
