"""Read a YAML node tree into frozen dataclasses, strictly.

YAML is composed, not constructed, so that each mistake carries its line. Unknown keys, doubled keys, missing keys and
values of the wrong type are errors; nothing is guessed (`yes` is a string, a number is no text). The types come from
the dataclasses' own annotations, so the definition language has exactly one description: `model`.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar, Union, get_args, get_origin

import yaml

from dashboards.errors import DefinitionError, did_you_mean

T = TypeVar("T")
_WORDS = {"true": True, "false": False}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where the wheel has it: five times faster
_hints: dict[type, dict[str, object]] = {}  # evaluated once: it was a third of what reading a directory costs


class YamlFile:
    """One YAML file and the lines of its nodes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            node = yaml.compose(path.read_text(encoding="utf-8"), Loader=LOADER)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
            raise DefinitionError(f"not readable as YAML: {error.problem}", path=path, line=line) from error
        if node is None:
            raise DefinitionError("the file is empty", path=path, line=1)
        self.root = node

    def error(self, node: yaml.Node, message: str) -> DefinitionError:
        """Return the error that points at a node's line."""
        return DefinitionError(message, path=self.path, line=node.start_mark.line + 1)

    def mapping(self, node: yaml.Node, what: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return `{key: (node of the key, node of the value)}`; doubled keys are errors."""
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"{what} must be a mapping of names to values")
        entries: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(key, f"a key of {what} must be a plain name")
            if key.value in entries:
                first = entries[key.value][0].start_mark.line + 1
                raise self.error(key, f"key {key.value!r} of {what} is given twice, first in line {first}")
            entries[key.value] = (key, value)
        return entries

    def read(self, node: yaml.Node, kind: type[T], what: str, **given: object) -> T:
        """Build one dataclass from a mapping node; `given` are fields that the file must not set."""
        entries = self.mapping(node, what)
        if kind not in _hints:
            _hints[kind] = typing.get_type_hints(kind)
        hints = _hints[kind]
        fields = {field.name: field for field in dataclasses.fields(kind) if field.name not in given}  # type: ignore[arg-type]
        for name, (key, _) in entries.items():
            if name not in fields:
                raise self.error(key, f"unknown key {name!r} in {what}{did_you_mean(name, fields)}")
        for name, field in fields.items():
            needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if needed and name not in entries:
                raise self.error(node, f"{what} lacks the key {name!r}")
        values = {name: self.value(value, hints[name], f"{name!r} of {what}") for name, (_, value) in entries.items()}
        try:
            return kind(**given, **values)
        except ValueError as error:
            raise self.error(self._named(entries, str(error)) or node, str(error)) from error

    def find(self, node: yaml.Node, word: str) -> yaml.Node | None:
        """Return the first plain value or key below the node that is this word."""
        if isinstance(node, yaml.ScalarNode):
            return node if node.value == word else None
        children = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        return next((found for child in children if (found := self.find(child, word)) is not None), None)

    def _named(self, entries: Mapping[str, tuple[yaml.Node, yaml.Node]], message: str) -> yaml.Node | None:
        """Return the first key that a message quotes: its line is where the mistake is."""
        names = re.findall(r"'(\w+)'", message)
        return next((entries[name][0] for name in names if name in entries), None)

    def value(self, node: yaml.Node, hint: object, what: str) -> object:
        """Convert one node to the annotated type, or raise the error that names what was expected."""
        origin, arguments = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            inner = [argument for argument in arguments if argument is not type(None)]
            if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
                return None
            return self.value(node, inner[0], what)
        if origin is Literal:
            text = self._scalar(node, what)
            if text not in arguments:
                raise self.error(node, f"{what} cannot be {text!r}{did_you_mean(text, arguments)}")
            return text
        if origin is tuple:
            if not isinstance(node, yaml.SequenceNode):
                raise self.error(node, f"{what} must be a list")
            return tuple(self.value(item, arguments[0], f"an item of {what}") for item in node.value)
        if origin is Mapping:
            return {
                name: self.value(value, arguments[1], f"{name!r} of {what}")
                for name, (_, value) in self.mapping(node, what).items()
            }
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            return self.read(node, hint, what)
        return self._plain(node, hint, what)

    def _plain(self, node: yaml.Node, hint: object, what: str) -> object:
        text = self._scalar(node, what)
        if hint is str:
            if not text.strip():
                raise self.error(node, f"{what} is empty")
            return text.strip()
        if hint is bool:
            if text not in _WORDS:
                raise self.error(node, f"{what} must be true or false, not {text!r}")
            return _WORDS[text]
        if hint in (int, float):
            try:
                return int(text) if hint is int else float(text)
            except ValueError:
                raise self.error(node, f"{what} must be a number, not {text!r}") from None
        raise TypeError(f"the definition language has no values of type {hint!r}")

    def _scalar(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(node, f"{what} must be a single value")
        return str(node.value)
