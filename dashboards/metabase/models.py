"""Models of Metabase: queries of which people begin when they ask by themselves, columns told as the warehouse's are.

    definitions/metabase/models.yaml         their titles and words
    definitions/metabase/models/KEY.sql      one SELECT each, tables only as {{ ref('model') }}

They are cards of SQL without a dashboard, in the collection of the analysts. What a column means is taken from the dbt
model's column that it comes from. Its kind goes with it, since Metabase takes a description with one only; it is not
compared, since Metabase writes there what its driver says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import build_scope

from dashboards.catalogue import Model
from dashboards.checks import check_query
from dashboards.compile import Query, compile_sql
from dashboards.dry_run import Columns, described
from dashboards.errors import DefinitionError, did_you_mean
from dashboards.metabase.metrics import COLLECTION
from dashboards.metabase.native import Translate
from dashboards.metabase.origin import given
from dashboards.metabase.surroundings import MetabaseModel
from dashboards.metabase.wanted import Item

Json = dict[str, Any]  # Any: the server's own shape
_KINDS: Final = {
    "VARCHAR": "type/Text",
    "BIGINT": "type/BigInteger",
    "INTEGER": "type/Integer",
    "DOUBLE": "type/Float",
    "BOOLEAN": "type/Boolean",
    "DATE": "type/Date",
    "TIMESTAMP": "type/DateTime",
    "TIMESTAMP WITH TIME ZONE": "type/DateTimeWithLocalTZ",
}
_ANY: Final = "type/*"


def load_queries(directory: Path, models: Iterable[str], relations: Mapping[str, str]) -> dict[str, Query]:
    """Read and check the SQL of the models. Raises DefinitionError at the first mistake."""
    queries = {}
    for key in models:
        path = directory / f"{key}.sql"
        if not path.is_file():
            near = did_you_mean(key, [file.stem for file in directory.glob("*.sql")])
            raise DefinitionError(f"the model {key!r} has no SQL: {path} is missing{near}", path=path, line=0)
        queries[key] = compile_sql(path.read_text(encoding="utf-8"), relations, path=path)
        check_query(queries[key], path=path)
    for path in sorted(directory.glob("*.sql")):
        if path.stem not in queries:
            raise DefinitionError("no model of models.yaml uses this file; delete it or name it", path=path, line=1)
    return queries


Kinds = Mapping[str, Mapping[str, str]]
"""Model -> column -> Metabase's type."""


def kinds_of(queries: Mapping[str, Query], directory: Path, relations: Mapping[str, str], columns: Columns) -> Kinds:
    """Ask each query on empty tables what it returns. Raises DefinitionError with the line of a column that is none."""
    paths = {key: directory / f"{key}.sql" for key in queries}
    returned = described(queries, paths, relations, columns)
    return {key: {name: _KINDS.get(kind, _ANY) for name, kind in one.items()} for key, one in returned.items()}


def model_items(
    models: Mapping[str, MetabaseModel],
    queries: Mapping[str, Query],
    kinds: Kinds,
    known: Iterable[Model],
    translate: Translate,
    database: int,
) -> Iterator[Item]:
    """Give the models; `known` are dbt's, whose columns have words."""
    words = {one.relation: {column.name: column.description for column in one.columns} for one in known}
    for model in models.values():
        tree = sqlglot.parse_one(queries[model.key].sql, dialect="duckdb")
        assert isinstance(tree, exp.Query)  # check_query
        yield Item("card", f"model_{model.key}", {
            "name": model.title,
            "type": "model",
            "description": f"{model.words}\n\nModels: {', '.join(queries[model.key].relations)}.",
            "collection": COLLECTION,
            "database": database,
            "sql": translate(tree.copy()),
            "embedding": None,
            "archived": False,
            "display": "table",
            "tags": {},
            "settings": {},
            "columns": _described(tree, list(kinds[model.key]), words),
        }, kinds=kinds[model.key])  # fmt: skip


def result_metadata(item: Item) -> list[Json]:
    """Write what a model's columns are, in their order."""
    return [
        {
            "name": name,
            "display_name": name.replace("_", " ").capitalize(),
            "base_type": kind,
            "description": item.fields["columns"][name],
        }
        for name, kind in item.kinds.items()
    ]


def _described(tree: exp.Query, names: Iterable[str], words: Mapping[str, Mapping[str, str]]) -> dict[str, str | None]:
    scope = build_scope(tree)
    found: dict[str, str | None] = {}
    for name in names:
        origin = given(name, scope, words) if scope is not None else None
        found[name] = (words[origin.relation][origin.column] or None) if origin is not None else None
    return found
