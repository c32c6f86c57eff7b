"""YAML whose mappings and lists know the lines they came from, so that an error can point at one.

A key that is written twice is refused: YAML keeps the last one in silence.
"""

from typing import Any

import yaml

from training.errors import SpecError


class LinedMapping(dict[str, object]):
    """A mapping with the line of each of its keys."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class LinedList(list[object]):
    """A list with the line of each of its entries."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


def read_yaml(text: str, source: str) -> object:
    """Parse one YAML document. Raises SpecError that names the line."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader with two constructors of its own
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SpecError(f"{source}{line}: is not the YAML of a specification: {error.problem}") from error
    except yaml.YAMLError as error:
        raise SpecError(f"{source}: is not YAML; it must be UTF-8 text") from error


class _Loader(yaml.SafeLoader):
    pass


def _mapping(loader: _Loader, node: yaml.MappingNode) -> LinedMapping:
    found = LinedMapping()
    for key_node, value_node in node.value:
        key: Any = loader.construct_object(key_node, deep=True)  # Any: whatever YAML holds there
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is no text", key_node.start_mark)
        if key in found:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is there twice", key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
        found.lines[key] = key_node.start_mark.line + 1
    return found


def _list(loader: _Loader, node: yaml.SequenceNode) -> LinedList:
    found = LinedList()
    for entry in node.value:
        found.append(loader.construct_object(entry, deep=True))
        found.lines.append(entry.start_mark.line + 1)
    return found


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _list)
