"""Where a column of a query comes from: the table and its column, through subqueries and common table expressions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

Columns = Mapping[str, Collection[str]]
"""Columns by relation, `schema.name`."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A column of a relation."""

    relation: str
    column: str


def origin_of(column: exp.Column, scope: Scope, columns: Columns) -> Origin | None:
    """Follow a column that is read in `scope`; None where it is computed, or more than one may be meant."""
    found: list[Origin | None] = []
    for name, (_, source) in scope.selected_sources.items():
        if column.table and column.table != name:
            continue
        if isinstance(source, exp.Table):
            relation = f"{source.db}.{source.name}"
            if column.name in columns.get(relation, ()):
                found.append(Origin(relation, column.name))
        elif isinstance(source.expression, exp.Query) and column.name in source.expression.named_selects:
            found.append(given(column.name, source, columns))
    return found[0] if len(found) == 1 else None


def given(name: str, scope: Scope, columns: Columns) -> Origin | None:
    """Follow a column that a SELECT gives."""
    if not isinstance(scope.expression, exp.Select):  # a union has it from several places
        return None
    for select in scope.expression.selects:
        inner = select.unalias()
        if select.alias_or_name == name:
            return origin_of(inner, scope, columns) if isinstance(inner, exp.Column) else None
    return None
