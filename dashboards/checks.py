"""What is checked before anybody sees a page.

Without a warehouse (`check_sources`): every relation that a card's SQL names is a model of `marts` or `reporting` and
was named by `{{ ref() }}`. On a card's result (`check_columns`, `check_expectations`): the columns that are drawn are
returned, and the card's expectations hold. Findings name columns and counts, never cell values.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from dashboards.compile import READABLE_SCHEMAS, Query, compile_sql
from dashboards.connection import Connection
from dashboards.errors import DefinitionError, did_you_mean
from dashboards.loader import Definitions
from dashboards.model import Card, Dashboard, Expect, Filter
from dashboards.rows import Row, as_number, rows_of, values_of
from dashboards.sql_tree import ParseError, reads_of

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}
_TOLERANCE = 1e-9  # sums of doubles in another order


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that does not hold."""

    card: str
    expectation: str
    message: str


def check_sources(definitions: Definitions, relations: Mapping[str, str]) -> dict[str, Query]:
    """Compile every card and return the queries by SQL name.

    Raises DefinitionError at the first card (or reconciliation) that reads what it must not.
    """
    queries: dict[str, Query] = {}
    for name, text in definitions.sql.items():
        path = definitions.sql_path(name)
        query = compile_sql(text, relations, path=path)
        check_query(query, path=path)
        queries[name] = query
    for dashboard in definitions.dashboards:
        for card in dashboard.cards.values():
            if card.expect.reconcile is not None:
                query = compile_sql(card.expect.reconcile.equals, relations, path=dashboard.path)
                check_query(query, path=dashboard.path)
    return queries


def check_query(query: Query, *, path: Path) -> None:
    """Raise DefinitionError unless the query is one SELECT that reads models of the readable schemas only, by ref."""
    for relation in query.relations:
        if relation.split(".", 1)[0] not in READABLE_SCHEMAS:
            readable = " and ".join(READABLE_SCHEMAS)
            raise DefinitionError(f"the card reads {relation!r}; cards may read {readable} only", path=path, line=1)
    try:
        reads = reads_of(query.sql)
    except ParseError as error:
        raise DefinitionError(str(error), path=path, line=query.sql.count("\n", 0, error.position) + 1) from error
    for relation in reads.relations:
        if relation not in query.relations:
            model = relation.rsplit(".", 1)[-1]
            raise DefinitionError(
                f"the card names {relation!r} directly; use {{{{ ref('{model}') }}}}", path=path, line=1
            )
    if reads.functions:
        raise DefinitionError(f"the card calls {reads.functions[0]!r}, which reads from outside", path=path, line=1)


def check_columns(card: Card, filters: Mapping[str, Filter], table: pa.Table) -> list[Failure]:
    """Find the drawn columns that the result lacks."""
    return [
        Failure(
            card.key, "columns", f"column {name!r} is drawn but not returned{did_you_mean(name, table.column_names)}"
        )
        for name in card.encoded_columns(filters)
        if name not in table.column_names
    ]


def check_expectations(
    card: Card, dashboard: Dashboard, table: pa.Table, connection: Connection, relations: Mapping[str, str]
) -> list[Failure]:
    """Evaluate a card's expectations on its result; the reconciliation runs one more query."""
    expect = card.expect
    wanted = {*expect.not_null, *expect.unique, *expect.range}
    wanted |= {name for name in (expect.non_increasing, expect.reconcile and expect.reconcile.column) if name}
    missing = sorted(wanted - set(table.column_names))
    if missing:
        return [
            Failure(
                card.key,
                "columns",
                f"column {name!r} is expected but not returned{did_you_mean(name, table.column_names)}",
            )
            for name in missing
        ]
    messages = [
        *_rows(expect, table),
        *_not_null(expect, table),
        *_unique(expect, table),
        *_range(expect, table),
        *_non_increasing(card, dashboard, table),
        *_reconcile(card, dashboard, table, connection, relations),
    ]
    return [Failure(card.key, expectation, message) for expectation, message in messages]


def unfiltered(card: Card, dashboard: Dashboard, table: pa.Table) -> list[Row]:
    """Return the rows that cover everything: those of the filter's `all` value."""
    chosen = [dashboard.filters[key] for key in card.filters]
    return [row for row in rows_of(table) if all(row[one.column] == one.all for one in chosen)]


Found = list[tuple[str, str]]


def _rows(expect: Expect, table: pa.Table) -> Found:
    if expect.rows is None:
        return []
    match = re.fullmatch(r"(>=|<=|==|>|<)\s*(\d+)", expect.rows)
    assert match is not None
    if _COMPARE[match.group(1)](table.num_rows, int(match.group(2))):
        return []
    return [("rows", f"the result has {table.num_rows} rows, expected {expect.rows}")]


def _not_null(expect: Expect, table: pa.Table) -> Found:
    return [
        ("not_null", f"column {name!r} is null in {table[name].null_count} of {table.num_rows} rows")
        for name in expect.not_null
        if table[name].null_count
    ]


def _unique(expect: Expect, table: pa.Table) -> Found:
    if not expect.unique or not table.num_rows:
        return []
    groups = len(set(zip(*(values_of(table[name]) for name in expect.unique), strict=True)))
    if groups == table.num_rows:
        return []
    return [("unique", f"{', '.join(expect.unique)} identify {groups} of {table.num_rows} rows")]


def _range(expect: Expect, table: pa.Table) -> Found:
    found: Found = []
    for name, (low, high) in expect.range.items():
        numbers = [number for value in values_of(table[name]) if (number := as_number(value)) is not None]
        outside = sum(not low <= number <= high for number in numbers)
        if outside:
            found.append(("range", f"column {name!r} leaves [{low:g}, {high:g}] in {outside} of {table.num_rows} rows"))
    return found


def _non_increasing(card: Card, dashboard: Dashboard, table: pa.Table) -> Found:
    name = card.expect.non_increasing
    if name is None:
        return []
    by = [dashboard.filters[key].column for key in card.filters]
    last: dict[tuple[object, ...], float] = {}
    rises = 0
    for row in rows_of(table.select([*by, name])):
        group, value = tuple(row[column] for column in by), as_number(row[name])
        if value is None:
            continue
        rises += group in last and value > last[group]
        last[group] = value
    return [("non_increasing", f"column {name!r} rises {rises} times; it must not")] if rises else []


def _reconcile(
    card: Card, dashboard: Dashboard, table: pa.Table, connection: Connection, relations: Mapping[str, str]
) -> Found:
    reconcile = card.expect.reconcile
    if reconcile is None:
        return []
    query = compile_sql(reconcile.equals, relations, path=dashboard.path)
    expected = float(connection.arrow(query.sql).column(0)[0].as_py() or 0)
    total = sum(as_number(row[reconcile.column]) or 0.0 for row in unfiltered(card, dashboard, table))
    if abs(total - expected) <= _TOLERANCE * max(1.0, abs(expected)):
        return []
    return [("reconcile", f"the total of {reconcile.column!r} is {total:g}, the models say {expected:g}")]
