"""What a SELECT reads, according to DuckDB's own parser: cards are written in its dialect, so nothing is guessed.

Nothing is executed or bound; relations need not exist.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

# Table functions that read nothing from outside.
_HARMLESS = frozenset({"range", "generate_series", "unnest"})


class ParseError(ValueError):
    """The text is no single SELECT; `position` is the offset of the fault in the text, where known."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class Reads:
    """Relations as `schema.name` or `name`, without those that the statement defines; functions that read files."""

    relations: tuple[str, ...]
    functions: tuple[str, ...]


def reads_of(sql: str) -> Reads:
    """Parse one SELECT and return what it reads; raise ParseError when it is anything else."""
    rows = _parser().execute("select json_serialize_sql(?::varchar)", [sql]).fetchall()
    tree = json.loads(rows[0][0])
    if tree["error"]:
        if tree["error_type"] == "not implemented":
            raise ParseError("a card is one SELECT")
        raise ParseError(f"the SQL cannot be parsed: {tree['error_message']}", int(tree.get("position") or 0))
    if len(tree["statements"]) != 1:
        raise ParseError("a card is one SELECT")
    defined: set[str] = set()
    relations: dict[str, str] = {}
    functions: dict[str, None] = {}
    for node in _nodes(tree["statements"][0]):
        defined.update(entry["key"].lower() for entry in node.get("cte_map", {}).get("map", []))
        if node.get("type") == "BASE_TABLE":
            parts = [node.get("catalog_name"), node.get("schema_name"), node["table_name"]]
            relations[".".join(part for part in parts if part)] = node["table_name"]
        elif node.get("type") == "TABLE_FUNCTION":
            functions[node["function"]["function_name"].lower()] = None
    return Reads(
        tuple(name for name in relations if "." in name or name.lower() not in defined),
        tuple(name for name in functions if name not in _HARMLESS),
    )


# Any: the tree is JSON of the parser's own shape.
def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from _nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from _nodes(child)


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": "false"})
