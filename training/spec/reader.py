"""Reads one mapping of a specification strictly: what is wrong is a SpecError with file, line, key and what to do."""

import re
from collections.abc import Mapping
from datetime import timedelta

from training.errors import SpecError
from training.spec.durations import duration
from training.spec.lines import LinedList, LinedMapping
from training.spec.nearest import nearest

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


class Reader:
    """One mapping of the document, which knows where it stands in it. `line` is where it begins, when that is known."""

    def __init__(self, value: object, source: str, path: str = "", line: int | None = None) -> None:
        self._source, self._path, self._line = source, path, line
        if not isinstance(value, dict):
            raise self._wrong(f"expected a mapping of keys to values, found {_kind(value)}")
        self._value = value
        self._lines: Mapping[str, int] = value.lines if isinstance(value, LinedMapping) else {}

    def error(self, key: str, problem: str) -> SpecError:
        """Make the error of one key."""
        return self._wrong(f"{key} {problem}", self._lines.get(key))

    def place(self, key: str) -> str:
        """Say where a key stands: file, and line where the document was read from one."""
        line = self._lines.get(key, self._line)
        return self._source if line is None else f"{self._source}:{line}"

    def has(self, key: str) -> bool:
        """Tell whether the key is there."""
        return self._value.get(key) is not None

    def keys(self) -> tuple[str, ...]:
        """All keys, as they are written."""
        return tuple(self._value)

    def only(self, *keys: str) -> None:
        """Refuse any other key."""
        for key in self._value:
            if key not in keys:
                raise self._wrong(f"unknown key {key!r}{nearest(str(key), keys)}", self._lines.get(key))

    def text(self, key: str, default: str | None = None) -> str:
        """Read text, its white space made single."""
        value = self._value.get(key, default)
        if not isinstance(value, str):
            raise self.error(key, "is missing" if value is None else f"must be text, not {value!r}")
        return " ".join(value.split())

    def choice(self, key: str, *choices: str) -> str | None:
        """Read one of some words; None where the key is not there."""
        if not self.has(key):
            return None
        value = self.text(key)
        if value not in choices:
            raise self.error(key, f"is {value!r}; it must be {' or '.join(repr(one) for one in choices)}")
        return value

    def identifier(self, key: str, default: str | None = None) -> str:
        """Read the name of a column."""
        value = self.text(key, default)
        if not _IDENTIFIER.fullmatch(value):
            raise self.error(key, f"is {value!r}; it must be lower snake case")
        return value

    def relation(self, key: str) -> str:
        """Read schema.relation."""
        value = self.text(key)
        schema, dot, table = value.partition(".")
        if not dot or not _IDENTIFIER.fullmatch(schema) or not _IDENTIFIER.fullmatch(table):
            raise self.error(key, f"is {value!r}; it must be schema.relation, for example ml.ml_match_examples_v2")
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        """Read a whole number."""
        value = self._value.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, "is missing" if value is None else f"must be a whole number, not {value!r}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Read true or false."""
        value = self._value.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false, not {value!r}")
        return value

    def share(self, key: str) -> float:
        """Read a number between 0 and 1."""
        value = self._value.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1:
            raise self.error(key, f"must be a share between 0 and 1, not {value!r}")
        return float(value)

    def duration(self, key: str) -> timedelta | None:
        """Read a duration; None where the key is not there."""
        if not self.has(key):
            return None
        value = self._value[key]
        found = duration(str(value))
        if found is None:
            raise self.error(key, f"is {value!r}; write a duration as 14d, 24h or 90m")
        return found

    def count_or_all(self, key: str) -> int | None:
        """Read a whole number that is not negative, or the word all, which is None."""
        value = self._value.get(key)
        if value == "all":
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.error(key, f"must be a whole number or 'all', not {value!r}")
        return value

    def child(self, key: str) -> "Reader":
        """Read a mapping inside this one."""
        return Reader(self._value.get(key), self._source, self._below(key), self._lines.get(key, self._line))

    def entries(self, key: str, required: bool = True) -> list["Reader"]:
        """Read a list of mappings; an entry that is text alone is a mapping of its name."""
        value = self._value.get(key, [])
        if not isinstance(value, list) or (required and not value):
            raise self.error(key, "must be a list with at least one entry" if required else "must be a list")
        lines: list[int | None] = [*value.lines] if isinstance(value, LinedList) else [self._line for _ in value]
        return [
            Reader(
                {"name": entry} if isinstance(entry, str) else entry, self._source, f"{self._below(key)}[{index}]", line
            )
            for index, (entry, line) in enumerate(zip(value, lines, strict=True))
        ]

    def _below(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _wrong(self, problem: str, line: int | None = None) -> SpecError:
        line = line or self._line
        place = self._source if line is None else f"{self._source}:{line}"
        return SpecError(f"{place}: {f'{self._path}: ' if self._path else ''}{problem}")


def _kind(value: object) -> str:
    return "nothing" if value is None else "list" if isinstance(value, list) else type(value).__name__
