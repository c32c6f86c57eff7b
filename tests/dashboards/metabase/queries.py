"""Queries of the stand-in's cards: SQL with variables, and of Metabase's own language the shape of metrics."""

from __future__ import annotations

import re
import uuid
from typing import Any

from tests.dashboards.metabase import strict
from tests.dashboards.metabase.schema import Schema
from tests.dashboards.metabase.strict import Json, RefusedError

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
    used = set(re.findall(r"\{\{\s*([a-z0-9_]+)\s*\}\}", sql))
    if used != set(tags):
        raise strict.wrong("dataset_query", f"variables {sorted(used)} but tags {sorted(tags)}")
    for name, tag in tags.items():
        if tag.get("name") != name or tag.get("type") not in TAG_TYPES or not tag.get("display-name"):
            raise strict.wrong("dataset_query", f"template tag {name!r} is malformed")
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


def without_optional(sql: str) -> str:
    """Leave out what stands in [[ ]], as the server does without a value for its variable."""
    return re.sub(r"\[\[.*?\]\]", "", sql, flags=re.DOTALL)
