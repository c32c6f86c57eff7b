"""Reads a specification from YAML (`training/specs/match.yaml` is the shipped one), strictly.

An unknown key, a missing key or a value of the wrong kind is a SpecError that names the file, the key and the
nearest right name. Whether the relation really has the columns is checked at build time (`selection.check`).
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path

import yaml

from training.errors import SpecError
from training.spec import FORBIDDEN_COLUMNS, SPLITS, DatasetSpec, Exclusion, Feature, Label, Split, duration_text

SPECS = Path(__file__).parent / "specs"

_KEYS = (
    *("name", "description", "relation", "id", "time", "known", "context", "features", "labels", "exclude", "split"),
    *("horizon", "seed"),
)
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")
_DURATION = re.compile(r"(\d+)([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def load_spec(name_or_path: str | Path) -> DatasetSpec:
    """Load a shipped specification by name (`match`), or any by path."""
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        shipped = {file.stem: file for file in sorted(SPECS.glob("*.yaml"))}
        if str(name_or_path) not in shipped:
            raise SpecError(f"no dataset is called {str(name_or_path)!r}{nearest(str(name_or_path), shipped)}")
        path = shipped[str(name_or_path)]
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"cannot read the specification {str(path)!r}: {error.strerror}; check the path") from error
    except yaml.YAMLError as error:
        raise SpecError(f"{str(path)!r} is not YAML; fix it at the line named below") from error
    return parse_spec(document, source=path.name)


def parse_spec(document: object, source: str) -> DatasetSpec:
    """Turn the parsed YAML into a DatasetSpec; `source` names it in errors."""
    reader = _Reader(document, source)
    reader.only(*_KEYS)
    time = reader.identifier("time")
    labels = tuple(_label(entry, time) for entry in reader.entries("labels"))
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
        split=_split(reader.child("split"), longest=max(label.window for label in labels)),
        horizon=reader.duration("horizon", default=None),
        seed=reader.integer("seed", default=0),
    )
    _check(spec, source)
    return spec


def nearest(word: str, choices: Iterable[str]) -> str:
    """Say which of `choices` was probably meant, or list them all; text that continues a sentence."""
    known = sorted(choices)
    near = get_close_matches(word, known, n=2, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(repr(one) for one in near)}?"
    return f"; there are {', '.join(repr(one) for one in known)}" if known else ""


def _column(reader: "_Reader") -> Feature:
    reader.only("name", "description")
    return Feature(reader.identifier("name"), reader.text("description", default=""))


def _exclusion(reader: "_Reader") -> Exclusion:
    reader.only("when", "reason")
    return Exclusion(reader.identifier("when"), reader.text("reason"))


def _label(reader: "_Reader", time: str) -> Label:
    reader.only("name", "window", "since", "required", "description")
    window = reader.duration("window", default=None)
    if window is None:
        raise reader.error("window", "is missing: after how long is the label known, for example 14d")
    return Label(
        name=reader.identifier("name"),
        window=window,
        since=reader.identifier("since", default=time),
        required=reader.flag("required", default=False),
        description=reader.text("description", default=""),
    )


def _split(reader: "_Reader", longest: timedelta) -> Split:
    reader.only("kind", *SPLITS, "embargo", "by")
    kind = reader.text("kind", default="time")
    if kind not in ("time", "entity"):
        raise reader.error("kind", f"is {kind!r}; it must be 'time' or 'entity'")
    shares = {name: reader.share(name) for name in SPLITS}
    if abs(sum(shares.values()) - 1) > 1e-9:
        raise reader.error("train", f"and valid and test add up to {sum(shares.values()):g}; they must add up to 1")
    by = reader.identifier("by") if kind == "entity" else None
    embargo = reader.duration("embargo", default=None) or longest
    if embargo < longest:
        raise reader.error("embargo", f"is shorter than the longest label window, {duration_text(longest)}")
    return Split("entity" if kind == "entity" else "time", **shares, embargo=embargo, by=by)


def _check(spec: DatasetSpec, source: str) -> None:
    seen: set[str] = set()
    for column in spec.columns:
        if column in seen:
            raise SpecError(f"{source}: column {column!r} is listed twice; keep one of the two")
        if column in FORBIDDEN_COLUMNS:
            raise SpecError(
                f"{source}: column {column!r} is a protected attribute or a direct identifier and never enters a"
                " training set; take it out (fairness is measured in the schema 'restricted')"
            )
        seen.add(column)
    if spec.split.by is not None and spec.split.by not in spec.columns:
        raise SpecError(
            f"{source}: split.by is {spec.split.by!r}, which is not a column{nearest(spec.split.by, spec.columns)}"
        )


class _Reader:
    """Reads one mapping of the document and knows where it stands in it."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise SpecError(f"{where}: expected a mapping of keys to values, found {type(value).__name__}")
        self._value = value
        self._where = where

    def error(self, key: str, problem: str) -> SpecError:
        return SpecError(f"{self._where}: {key} {problem}")

    def only(self, *keys: str) -> None:
        for key in self._value:
            if key not in keys:
                raise SpecError(f"{self._where}: unknown key {key!r}{nearest(str(key), keys)}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._value.get(key, default)
        if not isinstance(value, str):
            raise self.error(key, "is missing" if value is None else f"must be text, not {value!r}")
        return " ".join(value.split())

    def identifier(self, key: str, default: str | None = None) -> str:
        value = self.text(key, default)
        if not _IDENTIFIER.fullmatch(value):
            raise self.error(key, f"is {value!r}; it must be lower snake case")
        return value

    def relation(self, key: str) -> str:
        value = self.text(key)
        schema, dot, table = value.partition(".")
        if not dot or not _IDENTIFIER.fullmatch(schema) or not _IDENTIFIER.fullmatch(table):
            raise self.error(key, f"is {value!r}; it must be schema.relation, for example ml.ml_match_examples_v1")
        return value

    def integer(self, key: str, default: int) -> int:
        value = self._value.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, f"must be a whole number, not {value!r}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._value.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false, not {value!r}")
        return value

    def share(self, key: str) -> float:
        value = self._value.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1:
            raise self.error(key, f"must be a share between 0 and 1, not {value!r}")
        return float(value)

    def duration(self, key: str, default: timedelta | None) -> timedelta | None:
        value = self._value.get(key)
        if value is None:
            return default
        match = _DURATION.fullmatch(str(value))
        if match is None:
            raise self.error(key, f"is {value!r}; write a duration as 14d, 24h or 90m")
        return timedelta(**{_UNITS[match[2]]: int(match[1])})

    def child(self, key: str) -> "_Reader":
        return _Reader(self._value.get(key), f"{self._where}: {key}")

    def entries(self, key: str, required: bool = True) -> list["_Reader"]:
        value = self._value.get(key, [])
        if not isinstance(value, list) or (required and not value):
            raise self.error(key, "must be a list with at least one entry" if required else "must be a list")
        return [
            _Reader({"name": entry} if isinstance(entry, str) else entry, f"{self._where}: {key}[{index}]")
            for index, entry in enumerate(value)
        ]
