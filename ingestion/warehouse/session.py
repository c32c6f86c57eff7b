"""What every engine can be asked in the same SQL, and the few things that each says in its own way.

The SQL that goes through a session is what DuckDB and Postgres both understand: `$1` for parameters, `filter (where)`,
`is not distinct from`, `update ... returning`, no `create or replace`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa


class Session(Protocol):
    """A warehouse's connection. Everything happens in the transaction that is open."""

    # Any: values as the driver makes them
    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with parameters $1, $2, ...; all its rows."""

    def bring(self, name: str, rows: pa.Table) -> None:
        """Make rows a relation of this session under a name, in place of what it named before."""

    def keep(self, name: str, query: str, types: Mapping[str, str] | None = None) -> None:
        """Keep a query's rows in a temporary table, in place of what it named before; `types`: of its columns."""

    def forget(self, name: str) -> None:
        """Let go of what `bring` brought."""

    def columns(self, schema: str, relation: str) -> dict[str, str]:
        """A relation's columns with their types as `canonical` writes them; empty when there is none."""

    def canonical(self, type_name: str) -> str:
        """Write a type as the engine's catalog does."""

    def time_from_text(self, expression: str) -> str:
        """SQL that turns Postgres' text of a timestamp into one; NULL for what is no moment of our era."""
