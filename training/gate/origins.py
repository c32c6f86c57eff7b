"""Where each column of a relation comes from: the declarations of `training/specs/origins`, read and checked.

Plain values. An operand is what a rule computes with: `member.level` (a column of an entity), `held_skills` (a set).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any  # Any: a YAML tree

import yaml

from training.errors import SpecError

# Safe, both of them: plain values only. That in C needs a twentieth of the time, 10 of 200 ms of each pull.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DIRECTORY = Path(__file__).parents[1] / "specs" / "origins"


@dataclass(frozen=True, slots=True)
class Table:
    """A history: its key, the columns read of it, and where the values come from by which its rows are found.

    `events`: a table of the web app's events instead, known when they arrive. `labels`: told of labels alone, which the
    oracle does not recompute.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    find: Mapping[str, tuple[str, ...]]
    events: bool = False
    labels: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """One row of a table; `key` is a column of the spine or of another entity (`member.job_architecture_id`).

    `per`: the spine's ids are this many times the row's, others are no rows. `own`: what the row said when it was
    first committed. `now`: what it says now. `soft`: a soft deletion ends it.
    """

    table: str
    key: str
    per: int = 1
    own: bool = False
    now: bool = False
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of a table whose columns `match` have the values of the spine's columns of the same names.

    `happened` names the time of what is written once: its first version counts. `soft`: what is softly deleted does
    not. `only`: the values that columns may have. `via`: these are of the row of another table that `by` names.
    """

    table: str
    match: tuple[str, ...]
    happened: str | None = None
    soft: bool = False
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    via: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """How one column is computed: a rule of `training.gate.rules`, its operands and its settings."""

    column: str
    rule: str
    of: tuple[str, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LabelOrigin:
    """The tables that tell a label, and the relation's column that says since when it was known to be true.

    `of`: sets of what happened in them; what of these lies in the label's window is what the label was made of.
    """

    tables: tuple[str, ...]
    known: str | None
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """Features that may rank labels nearly alone, why, and which team answers for that.

    `confirmed` is what the file says of who of it confirmed this and when; None: nobody has, and the card says so.
    """

    labels: tuple[str, ...]
    features: tuple[str, ...]
    reason: str
    owner: str
    confirmed: str | None = None

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """Each feature with each label."""
        return {(feature, label) for feature in self.features for label in self.labels}

    def to_json(self) -> dict[str, Any]:
        """Return what the manifest keeps."""
        return {**asdict(self), "labels": list(self.labels), "features": list(self.features)}


@dataclass(frozen=True, slots=True)
class Origins:
    """All declarations for one relation."""

    relation: str
    spine: str
    id: str
    time: str
    request: str  # the entity whose commit is the row's place
    columns: tuple[str, ...]  # of the spine
    tables: Mapping[str, Table]
    entities: Mapping[str, Entity]
    sets: Mapping[str, Group]
    features: Mapping[str, Origin]
    context: Mapping[str, Origin]  # not for a model to learn from; told by `explain`
    labels: Mapping[str, LabelOrigin]
    causes: tuple[Cause, ...]
    as_of_models: frozenset[str]
    as_of_sources: frozenset[str]
    forbidden_models: frozenset[str]


def origins_of(relation: str, directory: Path = DIRECTORY) -> Origins | None:
    """Return the declarations for a relation, None when there are none."""
    for path in sorted(directory.glob("*.yaml")):
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - both are safe
        if document["relation"] == relation:
            return parse_origins(document, path.name)
    return None


def parse_origins(document: Mapping[str, Any], source: str) -> Origins:
    """Turn parsed YAML into Origins; raises SpecError when a name leads nowhere."""
    tables = {
        name: Table(
            name,
            tuple(it["key"]),
            tuple(it["columns"]),
            {column: tuple(references) for column, references in it["find"].items()},
            it.get("events", False),
            it.get("labels", False),
        )
        for name, it in document["tables"].items()
    }
    origins = Origins(
        relation=document["relation"],
        spine=document["spine"],
        id=document["id"],
        time=document["time"],
        request=document["request"],
        columns=tuple(document["columns"]),
        tables=tables,
        entities={name: Entity(**it) for name, it in document["entities"].items()},
        sets={name: _group(it) for name, it in document["sets"].items()},
        features={name: _origin(name, it) for name, it in document["features"].items()},
        context={name: _origin(name, it) for name, it in document["context"].items()},
        labels={
            name: LabelOrigin(tuple(it["tables"]), it.get("known"), tuple(it.get("of", ())))
            for name, it in document["labels"].items()
        },
        causes=tuple(_cause(it, source) for it in document.get("causes", ())),
        as_of_models=frozenset(document["lineage"]["as_of"]),
        as_of_sources=frozenset(document["lineage"]["sources"]),
        forbidden_models=frozenset(document["lineage"]["forbidden"]),
    )
    _check(origins, source)
    return origins


def _group(entry: Mapping[str, Any]) -> Group:
    only = {column: tuple(values) for column, values in entry.get("only", {}).items()}
    return Group(**{**entry, "match": tuple(entry["match"]), "only": only})


def _cause(entry: Mapping[str, Any], source: str) -> Cause:
    if missing := [key for key in ("labels", "features", "reason", "owner") if not entry.get(key)]:
        raise SpecError(f"{source}: a cause has no {missing[0]!r}; say of which labels, why, and which team answers")
    if unknown := entry.keys() - Cause.__dataclass_fields__.keys():
        raise SpecError(f"{source}: a cause has the unknown key {min(unknown)!r}")
    reason, confirmed = " ".join(entry["reason"].split()), entry.get("confirmed")
    return Cause(tuple(entry["labels"]), tuple(entry["features"]), reason, entry["owner"], confirmed)


def _origin(column: str, entry: Mapping[str, Any]) -> Origin:
    settings = {name: value for name, value in entry.items() if name not in ("rule", "of")}
    return Origin(column, entry["rule"], tuple(entry["of"]), settings)


def _check(origins: Origins, source: str) -> None:
    tables = {name: it.table for name, it in origins.entities.items()}
    tables |= {name: it.table for name, it in origins.sets.items()}
    for name, table in tables.items():
        if table not in origins.tables:
            raise SpecError(f"{source}: {name} is of {table!r}, which is not among its tables")
    for name, group in origins.sets.items():
        owner = group.via or group.table
        if group.match[0] not in origins.tables[owner].find:
            raise SpecError(f"{source}: rows of {name} are not found by {group.match[0]!r}; see 'find' of {owner}")
    for label, told in origins.labels.items():
        for name in told.of:
            if name not in origins.sets or origins.sets[name].happened is None:
                raise SpecError(f"{source}: {label} is told by {name!r}, which is no set of what happened")
    for cause in origins.causes:
        unknown = [one for one in cause.labels if one not in origins.labels]
        unknown += [one for one in cause.features if one not in origins.features]
        if unknown:
            raise SpecError(f"{source}: causes name {unknown[0]!r}, which is not declared")
    for origin in (*origins.features.values(), *origins.context.values()):
        for operand in origin.of:
            _check_operand(origins, operand, f"{source}: {origin.column}")


def _check_operand(origins: Origins, operand: str, reader: str) -> None:
    name, dot, column = operand.partition(".")
    if name not in (origins.entities if dot else origins.sets):
        raise SpecError(f"{reader} reads {operand!r}, which is neither a column of an entity nor a set")
    if dot:
        table = origins.tables[origins.entities[name].table]
        if column not in (*table.key, *table.columns):
            raise SpecError(f"{reader} reads {operand!r}, but {table.name} lists no such column")
