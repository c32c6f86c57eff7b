"""Read a selection file, strictly: what it does not understand is an error with its line, and nothing is guessed.

YAML is composed, not constructed, so that each mistake carries its line and `no` is a word like any other.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

import yaml

from ingestion.errors import SelectionError
from ingestion.selection.hash_key import HOW, HashKey
from ingestion.selection.rules import (
    DEFAULTS,
    EVERYTHING,
    Class,
    ColumnRule,
    LeftOutBy,
    Selection,
    TableRule,
    Treatment,
)

_TOP: Final = ("include", "exclude", "unlisted", "left_out_by", "tables")
_TABLE: Final = ("rows", "columns")
_COLUMN: Final = ("class", "treatment")
_UNLISTED: Final = ("replicate", "refuse")
# What stands before the first dot is the schema: a table's name may have dots, a schema's may not.
_NAME: Final = re.compile(r"[^.]+\..+")
_NAME_BYTES: Final = 63
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Words = TypeVar("_Words", bound=StrEnum)


def read_selection(path: Path, key: HashKey | None = None) -> Selection:
    """Read the file. Raises SelectionError with its line, also when it hashes columns and there is no key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SelectionError(f"cannot read selection {str(path)!r}; give the path of a YAML file") from error
    return parse_selection(text, str(path), key)


def parse_selection(text: str, name: str = "selection", key: HashKey | None = None) -> Selection:
    """Read a selection from its text. Raises SelectionError."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise SelectionError(f"{name}{where}: not YAML: {getattr(error, 'problem', None) or error}") from error
    return _File(name).selection(node, key)


@dataclass(frozen=True, slots=True)
class _File:
    """The file that errors name."""

    name: str

    def selection(self, node: yaml.Node | None, key: HashKey | None) -> Selection:
        if node is None:
            raise SelectionError(f"{self.name}: the file is empty; see docs/selection.md for an example")
        top = self._mapping(node, "the selection", _TOP)
        tables = self._tables(top["tables"]) if "tables" in top else {}
        unlisted = "refuse" if tables else "replicate"
        if "unlisted" in top:
            unlisted = self._one_of(top["unlisted"], "'unlisted'", _UNLISTED)
        self._require_key(tables, key)
        return Selection(
            self._patterns(top["include"], "include") if "include" in top else (EVERYTHING,),
            self._patterns(top["exclude"], "exclude") if "exclude" in top else (),
            MappingProxyType(tables),
            unlisted == "replicate",
            self._word(top["left_out_by"], "'left_out_by'", LeftOutBy)
            if "left_out_by" in top
            else LeftOutBy.PUBLICATION_OR_LOAD,
            key,
        )

    def _require_key(self, tables: Mapping[str, TableRule], key: HashKey | None) -> None:
        hashed = [
            f"{table}.{column}"
            for table, rule in tables.items()
            for column, how in (rule.columns or {}).items()
            if how.treatment is Treatment.HASH
        ]
        if hashed and key is None:
            raise SelectionError(
                f"{self.name}: {len(hashed)} columns are hashed ({hashed[0]}) and no key is set; {HOW}"
            )

    def _tables(self, node: yaml.Node) -> dict[str, TableRule]:
        found = {}
        for name, (at, value) in self._entries(node, "'tables'").items():
            if not _NAME.fullmatch(name):
                raise self._error(at, f"table {name!r} has no schema; write schema.table, for instance public.{name}")
            if len(name.partition(".")[2].encode()) > _NAME_BYTES:
                raise self._error(at, f"table {name!r} has a longer name than Postgres allows ({_NAME_BYTES} bytes)")
            found[name] = self._table(name, value)
        return found

    def _table(self, name: str, node: yaml.Node) -> TableRule:
        if isinstance(node, yaml.ScalarNode):
            self._one_of(node, f"table {name!r}", (Class.PUBLIC.value,))
            return TableRule()
        members = self._mapping(node, f"table {name!r}", _TABLE)
        rows = self._text(members["rows"], f"'rows' of {name!r}") if "rows" in members else None
        columns = None
        if "columns" in members:
            entries = self._entries(members["columns"], f"'columns' of {name!r}")
            columns = MappingProxyType(
                {column: self._column(f"{name}.{column}", value) for column, (_, value) in entries.items()}
            )
            if not columns:
                raise self._error(members["columns"], f"{name!r} has no columns; name those that are let out")
        if not members:
            raise self._error(node, f"{name!r} says nothing; give 'columns' or 'rows', or: {name}: public")
        return TableRule(columns, rows)

    def _column(self, name: str, node: yaml.Node) -> ColumnRule:
        if isinstance(node, yaml.ScalarNode):
            kind = self._word(node, f"the class of {name!r}", Class)
            return ColumnRule(kind, DEFAULTS[kind])
        members = self._mapping(node, f"column {name!r}", _COLUMN)
        if "class" not in members:
            raise self._error(node, f"column {name!r} has no class; give one of {', '.join(Class)}")
        kind = self._word(members["class"], f"the class of {name!r}", Class)
        if "treatment" not in members:
            return ColumnRule(kind, DEFAULTS[kind])
        return ColumnRule(kind, self._word(members["treatment"], f"the treatment of {name!r}", Treatment))

    def _patterns(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, f"{what!r} must be a list of patterns, for instance [public.*]")
        found = tuple(self._text(item, f"a pattern of {what!r}") for item in node.value)
        for item, pattern in zip(node.value, found, strict=True):
            if "." not in pattern and pattern != EVERYTHING:
                raise self._error(item, f"pattern {pattern!r} has no schema; write schema.table, for instance public.*")
        return found

    def _word(self, node: yaml.Node, what: str, words: type[_Words]) -> _Words:
        return words(self._one_of(node, what, [word.value for word in words]))

    def _one_of(self, node: yaml.Node, what: str, allowed: Iterable[str]) -> str:
        allowed, text = list(allowed), self._text(node, what)
        if text not in allowed:
            raise self._error(node, f"{what} cannot be {text!r}; give {_listed(allowed)}")
        return text

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
            raise self._error(node, f"{what} must be one word or text")
        return str(node.value).strip()

    def _mapping(self, node: yaml.Node, what: str, allowed: tuple[str, ...]) -> dict[str, yaml.Node]:
        entries = self._entries(node, what)
        for key, (at, _) in entries.items():
            if key not in allowed:
                near = difflib.get_close_matches(key, allowed, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"it may have {_listed(allowed)}"
                raise self._error(at, f"unknown key {key!r} in {what}; {hint}")
        return {key: value for key, (_, value) in entries.items()}

    def _entries(self, node: yaml.Node, what: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{what} must be a mapping of names to values")
        entries: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = self._text(key, f"a name in {what}")
            if name in entries:
                raise self._error(key, f"{name!r} stands twice in {what}, first in line {_line(entries[name][0])}")
            entries[name] = (key, value)
        return entries

    def _error(self, node: yaml.Node, message: str) -> SelectionError:
        return SelectionError(f"{self.name}, line {_line(node)}: {message}")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
