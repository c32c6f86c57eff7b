"""Queries of the stand-in's cards: SQL with variables, and of Metabase's own language the shape of metrics."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from tests.dashboards.metabase import strict
from tests.dashboards.metabase.schema import Schema
from tests.dashboards.metabase.strict import Json, RefusedError

VARIABLE = re.compile(r"\{\{\s*([a-z0-9_]+)\s*\}\}")
# Of Metabase's own table (metabase.lib.schema.parameter): of which kinds a variable may be that a filter sets.
ALLOWED = {
    "string/=": {"text", "dimension"},
    "number/=": {"number", "dimension"},
    "boolean/=": {"boolean", "dimension"},
}
TAG_TYPES = frozenset({"text", "number", "date", "boolean", "dimension", "card", "snippet", "temporal-unit"})


def given_back(query: Json) -> tuple[Json, str]:
    """Give a query as version 57 and later do: MBQL 5, with ids of the server's own, its keys in another order."""
    if "native" in query:
        native = query["native"]
        stage = {
            "lib/type": "mbql.stage/native",
            "lib/uuid": str(uuid.uuid4()),
            "native": native["query"],
            "template-tags": dict(reversed(list((native.get("template-tags") or {}).items()))),
        }
        kind = "native"
    else:
        stage, kind = _with_ids(query["stages"][0]), "query"
    return {"lib/type": "mbql/query", "database": query["database"], "stages": [stage]}, kind


def check(query: Json, kind: str, database: int, schema: Schema) -> None:
    """Refuse what a real server refuses, or would store as nonsense."""
    if query.get("database") != database:
        raise RefusedError(404, "Not found.")
    if "lib/type" in query:
        if kind == "question":
            raise strict.wrong("dataset_query", "this stand-in has questions of SQL alone")
        _check_mbql(query, schema)
        return
    if kind == "metric":  # Metabase's metrics are one aggregation of its own language
        raise strict.wrong("dataset_query", "Card of type metric is invalid, cannot be saved.")
    if query.get("type") != "native" or not isinstance(query.get("native"), dict):
        raise strict.wrong("dataset_query", "only native queries here")
    sql = query["native"].get("query")
    if not isinstance(sql, str) or not sql.strip():
        raise strict.wrong("dataset_query", "native.query must be a non-blank string")
    tags = query["native"].get("template-tags") or {}
    used = set(VARIABLE.findall(sql))
    if used != set(tags):
        raise strict.wrong("dataset_query", f"variables {sorted(used)} but tags {sorted(tags)}")
    for name, tag in tags.items():
        if tag.get("name") != name or tag.get("type") not in TAG_TYPES or not tag.get("display-name"):
            raise strict.wrong("dataset_query", f"template tag {name!r} is malformed")
        if tag["type"] == "dimension":
            strict.text(tag, "widget-type")
            strict.of(schema.fields, next((one for one in tag["dimension"][1:] if isinstance(one, int)), None))
        uuid.UUID(tag["id"])


def _with_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_ids(one) for name, one in value.items()}
    if isinstance(value, list) and len(value) > 1 and isinstance(value[1], dict):
        return [value[0], value[1] | {"lib/uuid": str(uuid.uuid4())}, *(_with_ids(one) for one in value[2:])]
    return [_with_ids(one) for one in value] if isinstance(value, list) else value


def _check_mbql(query: Json, schema: Schema) -> None:
    strict.only(query, {"lib/type", "database", "stages"})
    stages = query.get("stages")
    if query.get("lib/type") != "mbql/query" or not isinstance(stages, list) or len(stages) != 1:
        raise strict.wrong("dataset_query", "Invalid query")
    strict.only(stages[0], {"lib/type", "source-table", "aggregation"})
    if stages[0].get("lib/type") != "mbql.stage/mbql":
        raise strict.wrong("dataset_query", "Invalid stage")
    table = strict.of(schema.tables, stages[0].get("source-table"))
    clauses = stages[0].get("aggregation") or []
    if len(clauses) != 1:
        raise strict.wrong("dataset_query", "a metric has one aggregation")
    _check_clause(clauses[0], table["id"], schema)


def _check_clause(clause: Any, table: int, schema: Schema) -> None:
    if isinstance(clause, int):
        return
    if not isinstance(clause, list) or len(clause) < 3 or not isinstance(clause[1], dict):
        raise strict.wrong("dataset_query", f"clause {clause!r}: the options object is second")
    if clause[0] == "field":
        if strict.of(schema.fields, clause[2])["table_id"] != table:
            raise strict.wrong("dataset_query", "a field of another table")
        return
    if clause[0] not in ("sum", "+", "-", "*", "/"):
        raise strict.wrong("dataset_query", f"not a known MBQL clause: {clause[0]!r}")
    for part in clause[2:]:
        _check_clause(part, table, schema)


def with_values(native: Json, given: Mapping[str, Any]) -> str:
    """Put in what the server does: given values, else defaults; what stands in [[ ]] goes where there are none."""
    tags = {
        name: tag | ({"default": given[name]} if name in given else {})
        for name, tag in (native.get("template-tags") or {}).items()
    }
    values = {name: _value(tag) for name, tag in tags.items()}

    def optional(match: re.Match[str]) -> str:
        names = VARIABLE.findall(match.group(1))
        return match.group(1) if all(tags[name].get("default") is not None for name in names) else ""

    sql = re.sub(r"\[\[(.*?)\]\]", optional, native["query"], flags=re.DOTALL)
    return VARIABLE.sub(lambda match: values.get(match.group(1)) or match.group(0), sql)


def _value(tag: Json) -> str | None:
    default = tag.get("default")
    default = default[0] if isinstance(default, list) else default
    if default is None:
        return "1 = 1" if tag["type"] == "dimension" else None
    return str(default) if tag["type"] == "number" else "'" + str(default).replace("'", "''") + "'"


def spelled(query: Json, schema: Schema) -> str:
    """Write a metric as SQL."""
    stage = query["stages"][0]
    table = schema.tables[stage["source-table"]]

    def clause(part: Any) -> str:
        if not isinstance(part, list):
            return str(part)
        if part[0] == "field":
            return f'"{schema.fields[part[2]]["name"]}"'
        parts = [clause(one) for one in part[2:]]
        return f"sum({parts[0]})" if part[0] == "sum" else f"({f' {part[0]} '.join(parts)})"

    return f'select {clause(stage["aggregation"][0])} as value from "{table["schema"]}"."{table["name"]}"'


def check_metadata(metadata: Any) -> Any:
    """Refuse what says nothing of its columns' kinds."""
    for one in metadata or []:
        for name in ("name", "display_name", "base_type"):
            strict.text(one, name)
        strict.optional(one, "description")
        if not one["base_type"].startswith("type/"):
            raise strict.wrong("result_metadata", "value must be an array of valid results column metadata maps.")
    return metadata
