"""Flatten objects into columns as Segment's warehouses do: members joined with `_`, arrays as JSON text.

Works by column, not by object: objects with the same members are transposed together, and a member that holds objects
is flattened in the same way, one level down. Nulls and empty objects make no value. Where Segment would lose a value
it goes to the row's extras, under its path: a column that another member of the same object took already. What
is nested deeper than MAX_DEPTH is kept as JSON text. Pure.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from ingestion.events.naming import EXTRA, fitted, identifier
from ingestion.events.shapes import Object, fields

MAX_DEPTH: Final = 16
MAX_PATH_LENGTH: Final = 127  # characters of a name beyond which objects are not flattened any more

Extra = dict[str, object]

_NONE: Final = type(None)
_TEXT: Final = msgspec.json.Encoder()
_identifier: Final = lru_cache(maxsize=20_000)(identifier)


class Flattened:
    """Columns of flattened objects, each as long as the number of objects, and what went to `extras`, by object."""

    def __init__(
        self, objects: Sequence[Object | msgspec.Struct], name: Callable[[str], str] = fitted, prefix: str = ""
    ) -> None:
        """Flatten. `name` names the column of a path, which begins with `prefix`."""
        self.columns: dict[str, Sequence[object]] = {}
        self.extras: dict[int, Extra] = {}
        self.names: set[tuple[str, str]] = set()
        """Each path with the column that its values are in, or with EXTRA."""
        self._name = name
        self._count = len(objects)
        self._owners: dict[str, str] = {}
        self._walk(objects, range(len(objects)), prefix, prefix, 1)

    def _walk(
        self, objects: Sequence[Object | msgspec.Struct], rows: Sequence[int], prefix: str, path: str, depth: int
    ) -> None:
        """Flatten objects that stand in the given rows, below `prefix` (as a name) and `path` (as sent)."""
        members: dict[str, list[tuple[Sequence[int], Sequence[object]]]] = {}
        for places in _by_shape(objects):
            alike = objects if places is None else [objects[place] for place in places]
            their_rows = rows if places is None else [rows[place] for place in places]
            for key, values in _transpose(alike):
                members.setdefault(key, []).append((their_rows, values))
        for key, parts in members.items():
            name = f"{prefix}_{_identifier(key)}" if prefix else _identifier(key)
            for their_rows, values in parts:
                self._member(name, f"{path}.{key}" if path else key, their_rows, values, depth)

    def _member(self, name: str, path: str, rows: Sequence[int], values: Sequence[object], depth: int) -> None:
        kinds = set(map(type, values))
        nested = {kind for kind in kinds if kind is dict or issubclass(kind, msgspec.Struct)}
        if nested:
            if depth == MAX_DEPTH or len(name) > MAX_PATH_LENGTH:
                values = [_object_text(value) if type(value) in nested else value for value in values]
            elif kinds == nested:
                self._walk(values, rows, name, path, depth + 1)  # type: ignore[arg-type]  # all are objects
                return
            else:
                places = [place for place, value in enumerate(values) if type(value) in nested]
                below: Any = [values[place] for place in places]
                self._walk(below, [rows[place] for place in places], name, path, depth + 1)
                values = [None if type(value) in nested else value for value in values]
            kinds = set(map(type, values))
        if list in kinds:
            values = [json_text(value) if type(value) is list else value for value in values]
        if kinds != {_NONE}:
            self._put(self._name(name), path, rows, values)

    def _put(self, column: str, path: str, rows: Sequence[int], values: Sequence[object]) -> None:
        self.names.add((path, column))
        owner = self._owners.setdefault(column, path)
        present = self.columns.get(column)
        if present is None and len(values) == self._count:
            self.columns[column] = values
            return
        if not isinstance(present, list):
            present = self.columns[column] = [None] * self._count if present is None else list(present)
        if owner == path:  # its parts stand in different rows
            for row, value in zip(rows, values, strict=True):
                present[row] = value
            return
        refused = []
        for row, value in zip(rows, values, strict=True):
            taken = value is not None and present[row] is not None
            refused.append(value if taken else None)
            if not taken and value is not None:
                present[row] = value
        self._keep_apart(path, rows, refused)

    def _keep_apart(self, path: str, rows: Sequence[int], values: Sequence[object]) -> None:
        for row, value in zip(rows, values, strict=True):
            if value is not None:
                self.names.add((path, EXTRA))
                self.extras.setdefault(row, {})[path] = value


def _by_shape(objects: Sequence[Object | msgspec.Struct]) -> list[list[int]] | list[None]:
    """Return the places of objects with one shape each; [None] where all have the same, as is usual."""
    kinds = set(map(type, objects))
    if len(kinds) == 1 and (kinds != {dict} or len(set(map(tuple, objects))) == 1):  # type: ignore[arg-type]
        return [None]
    shapes: dict[object, list[int]] = {}
    for place, item in enumerate(objects):
        shapes.setdefault(tuple(item) if type(item) is dict else type(item), []).append(place)
    return list(shapes.values())


def _transpose(alike: Sequence[Object | msgspec.Struct]) -> Iterable[tuple[str, Sequence[object]]]:
    """Return the members of objects with one shape, each with its values."""
    first = alike[0]
    if isinstance(first, msgspec.Struct):
        return ((member, list(map(attrgetter(field), alike))) for field, member in fields(type(first)))
    return zip(first, zip(*[item.values() for item in alike], strict=True), strict=False)  # type: ignore[union-attr]


def _object_text(value: object) -> str | None:
    if isinstance(value, msgspec.Struct):
        value = _plain(value)
    return json_text(value) if value else None


def _plain(value: object) -> object:
    """Return a struct as the object that it was made from; members that were absent or null are left out."""
    if not isinstance(value, msgspec.Struct):
        return value
    named = ((member, getattr(value, field)) for field, member in fields(type(value)))
    return {member: _plain(item) for member, item in named if item is not None}


def json_text(value: object) -> str:
    """Return a value as compact JSON text. NaN and infinities, which JSON lacks, become text inside it."""
    text = _TEXT.encode(value)
    return (_TEXT.encode(_finite(value)) if b"null" in text else text).decode()


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
