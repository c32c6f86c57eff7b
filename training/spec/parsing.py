"""Turns a parsed document into a DatasetSpec, strictly.

An unknown key, a missing key or a value of the wrong kind is a SpecError that names file, line, key and the nearest
right name. Whether the relation really has the columns is checked at build time (`building.fit.check`).
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, cast

from training.errors import SpecError
from training.spec.definition import (
    FORBIDDEN_COLUMNS,
    IS_BEFORE_LOG,
    IS_IN_HISTORY_GAP,
    SPLITS,
    DatasetSpec,
    Exclusion,
    Feature,
    Label,
    Negatives,
    Relevance,
    Split,
)
from training.spec.durations import duration_text
from training.spec.nearest import nearest
from training.spec.reader import Reader

_KEYS = (
    *("name", "description", "relation", "left_out", "id", "time", "known", "subject", "horizon", "seed"),
    *("context", "features", "labels", "relevance", "outcomes", "negatives", "exclude", "before_log", "history_gaps"),
    "split",
)


def parse_spec(document: object, source: str) -> DatasetSpec:
    """Turn the parsed YAML (or a manifest's JSON) into a DatasetSpec; `source` names it in errors."""
    reader = Reader(document, source)
    reader.only(*_KEYS)
    time = reader.identifier("time")
    labels = tuple(_label(entry, time, ("required",)) for entry in reader.entries("labels"))
    outcomes = tuple(_label(entry, time) for entry in reader.entries("outcomes", required=False))
    spec = DatasetSpec(
        name=reader.identifier("name"),
        description=reader.text("description", default=""),
        relation=reader.relation("relation"),
        id=reader.identifier("id"),
        time=time,
        known=reader.identifier("known", default=time),
        context=tuple(_column(entry) for entry in reader.entries("context", required=False)),
        features=tuple(_column(entry) for entry in reader.entries("features")),
        labels=labels,
        exclude=tuple(_exclusion(entry) for entry in reader.entries("exclude", required=False)),
        split=_split(reader.child("split"), labels, longest=max(label.window for label in (*labels, *outcomes))),
        horizon=reader.duration("horizon"),
        seed=reader.integer("seed", default=0),
        subject=reader.identifier("subject") if reader.has("subject") else None,
        outcomes=outcomes,
        relevance=_relevance(reader.child("relevance"), labels) if reader.has("relevance") else None,
        negatives=_negatives(reader.child("negatives")) if reader.has("negatives") else None,
        before_log=cast('Literal["exclude", "events"] | None', reader.choice("before_log", "exclude", "events")),
        history_gaps=cast('Literal["exclude", "flag"] | None', reader.choice("history_gaps", "exclude", "flag")),
        left_out=reader.relation("left_out") if reader.has("left_out") else None,
        places=dict(_places(reader)),
    )
    _check_columns(spec, source)
    _check_flags(spec, reader)
    return spec


def _column(reader: Reader) -> Feature:
    reader.only("name", "description")
    return Feature(reader.identifier("name"), reader.text("description", default=""))


def _exclusion(reader: Reader) -> Exclusion:
    reader.only("when", "reason")
    reason = reader.text("reason")
    if reason in SPLITS:
        raise reader.error("reason", f"is {reason!r}, the name of a split; say why the rows are left out")
    return Exclusion(reader.identifier("when"), reason)


def _label(reader: Reader, time: str, more: tuple[str, ...] = ()) -> Label:
    reader.only("name", "window", "since", "known", "description", *more)
    window = reader.duration("window")
    if window is None:
        raise reader.error("window", "is missing: after how long is it known, for example 14d")
    return Label(
        name=reader.identifier("name"),
        window=window,
        since=reader.identifier("since", default=time),
        known=reader.identifier("known") if reader.has("known") else None,
        required=reader.flag("required", default=False),
        description=reader.text("description", default=""),
    )


def _relevance(reader: Reader, labels: tuple[Label, ...]) -> Relevance:
    reader.only("name", "grades", "description")
    graded = reader.child("grades")
    names = [label.name for label in labels]
    grades = {}
    for name in graded.keys():  # noqa: SIM118 - a Reader is no mapping
        if name not in names:
            raise graded.error(name, f"is no label{nearest(name, names)}")
        grades[name] = graded.integer(name)
        if grades[name] < 1:
            raise graded.error(name, f"is {grades[name]}; a grade is 1 or more, 0 is for rows where no label is true")
    if not grades:
        raise reader.error("grades", "must give at least one label its grade")
    ordered = sorted(grades.items(), key=lambda grade: (-grade[1], grade[0]))
    return Relevance(
        reader.identifier("name", default="relevance"), tuple(ordered), reader.text("description", default="")
    )


def _negatives(reader: Reader) -> Negatives:
    reader.only("column", "keep", "per")
    kinds = reader.child("keep")
    keep = tuple((kind, kinds.count_or_all(kind)) for kind in kinds.keys())  # noqa: SIM118
    if not keep:
        raise reader.error("keep", "must name at least one kind, for example impression: all")
    per = reader.identifier("per") if reader.has("per") else None
    if per is None and any(number is not None for _, number in keep):
        raise reader.error("per", "is missing: the numbers are of rows for each value of which column")
    return Negatives(reader.identifier("column"), keep, per)


def _split(reader: Reader, labels: tuple[Label, ...], longest: timedelta) -> Split:
    reader.only("kind", *SPLITS, "embargo", "by", "holdout")
    kind = reader.choice("kind", "time", "entity") or "time"
    shares = {name: reader.share(name) for name in SPLITS}
    if abs(sum(shares.values()) - 1) > 1e-9:
        raise reader.error("train", f"and valid and test add up to {sum(shares.values()):g}; they must add up to 1")
    embargo = reader.duration("embargo")
    embargo = longest if embargo is None else embargo
    for label in labels:
        if kind == "time" and label.required and embargo < label.window:
            raise reader.error(
                "embargo",
                f"is shorter than the window of the required label {label.name!r}, {duration_text(label.window)}",
            )
    return Split(
        "entity" if kind == "entity" else "time",
        **shares,
        embargo=embargo,
        by=reader.identifier("by") if kind == "entity" else None,
        holdout=reader.identifier("holdout") if reader.has("holdout") else None,
    )


def _places(reader: Reader) -> Iterator[tuple[str, str]]:
    """Where each column is named, for what only the build can tell."""
    for key in ("id", "time", "known"):
        if reader.has(key):
            yield reader.identifier(key), reader.place(key)
    for key in ("context", "features", "labels", "outcomes"):
        for entry in reader.entries(key, required=False):
            yield entry.identifier("name"), entry.place("name")


def _check_columns(spec: DatasetSpec, source: str) -> None:
    seen: set[str] = set()
    for column in spec.columns:
        place = spec.places.get(column, source)
        if column in seen:
            raise SpecError(f"{place}: column {column!r} is listed twice; keep one of the two")
        if column in FORBIDDEN_COLUMNS:
            raise SpecError(
                f"{place}: column {column!r} is a protected attribute or a direct identifier and never enters a"
                " training set; take it out (fairness is measured in the schema 'restricted')"
            )
        seen.add(column)
    for key, name in (("split.by", spec.split.by), ("subject", spec.subject)):
        if name is not None and name not in spec.columns:
            raise SpecError(f"{source}: {key} is {name!r}, which is not a column{nearest(name, spec.columns)}")


def _check_flags(spec: DatasetSpec, reader: Reader) -> None:
    """Rows that are let in by choice must show it: whoever trains on them has to tell them from the others."""
    context = [column.name for column in spec.context]
    for key, choice, column in (
        ("before_log", spec.before_log == "events", IS_BEFORE_LOG),
        ("history_gaps", spec.history_gaps == "flag", IS_IN_HISTORY_GAP),
    ):
        if choice and column not in context:
            raise reader.error(key, f"lets such rows in, so list {column!r} in the context, which tells them apart")
