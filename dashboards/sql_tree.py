"""What a SELECT reads, according to DuckDB's own parser: cards are written in its dialect, so nothing is guessed.

Nothing is executed or bound; relations need not exist.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import duckdb

# Table functions that read nothing from outside.
_HARMLESS = frozenset({"range", "generate_series", "unnest"})
# What gives another answer each time. A page shows a cut; its time comes from the models.
_IMPURE = frozenset(
    {"now", "today", "current_date", "current_timestamp", "current_time", "get_current_timestamp", "localtimestamp"}
    | {"transaction_timestamp", "localtime", "random", "uuid", "gen_random_uuid"}
)


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
    positions: Mapping[str, int]
    """Where in the text each relation is named first."""
    impure: tuple[str, int] | None
    """The first thing that gives another answer each time, and where."""
    star: int | None
    """Where the outermost select says `*`."""
    is_ordered: bool
    """Whether the outermost select states its order."""


@lru_cache(maxsize=512)
def reads_of(sql: str) -> Reads:
    """Parse one SELECT and return what it reads; raise ParseError when it is anything else.

    Remembered, since commands check the same definitions more than once, and a parse costs milliseconds.
    """
    rows = _parser().execute("select json_serialize_sql(?::varchar)", [sql]).fetchall()
    tree = json.loads(rows[0][0])
    if tree["error"]:
        if tree["error_type"] == "not implemented":
            raise ParseError("a card is one SELECT")
        raise ParseError(f"the SQL cannot be parsed: {tree['error_message']}", int(tree.get("position") or 0))
    if len(tree["statements"]) != 1:
        raise ParseError("a card is one SELECT")
    root = tree["statements"][0]["node"]
    defined: set[str] = set()
    relations: dict[str, tuple[str, int]] = {}
    functions: dict[str, None] = {}
    impure: list[tuple[int, str]] = []
    for node in _nodes(root):
        defined.update(entry["key"].lower() for entry in node.get("cte_map", {}).get("map", []))
        if node.get("type") == "BASE_TABLE":
            parts = [node.get("catalog_name"), node.get("schema_name"), node["table_name"]]
            relations.setdefault(
                ".".join(part for part in parts if part), (node["table_name"], node.get("query_location") or 0)
            )
        elif node.get("type") == "TABLE_FUNCTION":
            functions[node["function"]["function_name"].lower()] = None
        elif (name := _called(node)) in _IMPURE:
            impure.append((node.get("query_location") or 0, name))
    named = [name for name in relations if "." in name or name.lower() not in defined]
    return Reads(
        tuple(named),
        tuple(name for name in functions if name not in _HARMLESS),
        {name: relations[name][1] for name in named},
        (min(impure)[1], min(impure)[0]) if impure else None,
        _star(root),
        any(one["type"] == "ORDER_MODIFIER" for one in root["modifiers"]),
    )


def _called(node: dict[str, Any]) -> str:
    if node.get("type") == "FUNCTION":
        return str(node["function_name"]).lower()
    names = node.get("column_names") or [""]
    return str(names[0]).lower() if node.get("type") == "COLUMN_REF" and len(names) == 1 else ""


def _star(node: dict[str, Any]) -> int | None:
    """Find a star in the outermost select, or in one of those that a union puts together."""
    found = [one.get("query_location") or 0 for one in node.get("select_list") or [] if one["type"] == "STAR"]
    children = [child for child in node.get("children") or [node.get("left"), node.get("right")] if child]
    found += [star for child in children if (star := _star(child)) is not None]
    return min(found) if found else None


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
