"""What Great Expectations lacks for a warehouse on DuckDB. Importing this module imports GX: do it late.

GX knows no DuckDB, and out of the box every expectation on it fails with an IndexError that looks like bad data:
its engine closes the connection before it reads the rows, and DuckDB's pending result dies with it. BufferedEngine
reads the rows first (`Result.freeze`, a public API of SQLAlchemy). Drop it when GX reads before it closes.
"""

from __future__ import annotations

import importlib
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import ischema_names

from orchestration.checks.quick_import import great_expectations

gx = great_expectations()  # Any, as all that comes from it: see quick_import
_engines: Any = importlib.import_module("great_expectations.execution_engine.sqlalchemy_execution_engine")
_fluent: Any = importlib.import_module("great_expectations.datasource.fluent.sql_datasource")


class BufferedEngine(_engines.SqlAlchemyExecutionEngine):  # type: ignore[misc]
    """GX's engine, reading each result before its connection closes."""

    def execute_query(self, query: Any) -> Any:
        with self.get_connection() as connection:
            result = self._execute_query_with_recovery(connection, query)
            return result.freeze()() if result.returns_rows else result


class WarehouseDatasource(_fluent.SQLDatasource):  # type: ignore[misc]
    """GX's SQL datasource on an engine that is open already, so that one process never opens a file twice."""

    type: Literal["warehouse"] = "warehouse"
    connection_string: str = "sqlite://"  # demanded by GX, never opened
    relation_schema: str

    @property
    def schema_(self) -> str:
        return self.relation_schema

    def use(self, engine: sa.Engine) -> None:
        """Take this engine for everything."""
        self._engine = engine
        self._execution_engine = BufferedEngine(engine=engine, create_temp_table=False)

    def test_connection(self, test_assets: bool = True) -> None:
        """Do nothing: the engine comes later, from a caller who has used it."""

    def get_engine(self) -> sa.Engine:
        return self._engine

    def get_execution_engine(self) -> Any:
        return self._execution_engine


def type_word(kind: sa.types.TypeEngine[Any] | str) -> str:
    """Name a reflected type in the words of `contract.TYPES`; another type is named as its dialect does.

    Of Postgres GX hands over the type's name instead.
    """
    if isinstance(kind, str):
        name = str(kind).lower()
        if name == "timestamp with time zone":
            return "timestamptz"
        if name in ("char", "varchar"):  # SQLAlchemy's names, which the catalog does not know
            return "text"
        return type_word(ischema_names[name]()) if name in ischema_names else name
    for word, sort in _TYPE_WORDS:
        if isinstance(kind, sort):
            return f"{word}tz" if word == "timestamp" and getattr(kind, "timezone", False) else word
    return str(kind).lower()


# In this order: a SQLAlchemy type is also an instance of its more general ones.
_TYPE_WORDS: tuple[tuple[str, type[Any]], ...] = (
    ("uuid", sa.types.Uuid),
    ("json", sa.types.JSON),
    ("bigint", sa.types.BigInteger),
    ("smallint", sa.types.SmallInteger),
    ("integer", sa.types.Integer),
    ("double", sa.types.Double),
    ("real", sa.types.Float),
    ("decimal", sa.types.Numeric),
    ("boolean", sa.types.Boolean),
    ("date", sa.types.Date),
    ("timestamp", sa.types.DateTime),
    ("blob", sa.types.LargeBinary),
    ("text", sa.types.String),
)
