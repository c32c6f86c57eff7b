"""What is checked before anybody sees a page.

Without a warehouse (`check_sources`): every relation that a card's SQL names is a model of `marts` or `reporting` and
was named by `{{ ref() }}`. On a card's result (`check_columns`, `check_expectations`): the columns that are drawn are
returned, and the card's expectations hold. Findings name columns and counts, never cell values.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from dashboards.compile import READABLE_SCHEMAS, Query, compile_sql
from dashboards.connection import Connection
from dashboards.errors import DefinitionError, did_you_mean
from dashboards.expect import Expect
from dashboards.loader import Definitions
from dashboards.model import Card, Dashboard, Filter
from dashboards.rows import Row, as_number, rows_of, values_of
from dashboards.sql_tree import ParseError, Reads, reads_of

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
    for dashboard in definitions.dashboards:
        schemas = definitions.audiences[dashboard.audience].reads
        for card in dashboard.cards.values():
            path = definitions.sql_path(card.sql_name)
            query = compile_sql(definitions.sql[card.sql_name], relations, path=path)
            reads = check_query(query, path=path, schemas=schemas)
            _check_order(card, reads, path=path)
            _check_restricted(card, query, path=path)
            queries[card.sql_name] = query
            if card.expect.reconcile is not None:
                line = definitions.line_of(dashboard, card, "reconcile")
                try:
                    other = compile_sql(card.expect.reconcile.equals, relations, path=dashboard.path)
                    check_query(other, path=dashboard.path, schemas=schemas)
                except DefinitionError as error:
                    message = f"reconcile of card {card.key!r}: {error.message}"
                    raise DefinitionError(message, path=dashboard.path, line=line) from error
    return queries


def check_query(query: Query, *, path: Path, schemas: Sequence[str] = READABLE_SCHEMAS) -> Reads:
    """Raise DefinitionError unless the query is one SELECT that reads models of the schemas only, by ref."""
    for relation in query.relations:
        if relation.split(".", 1)[0] not in schemas:
            raise DefinitionError(
                f"the card reads {relation!r}; cards of its audience may read {_words(schemas)} only",
                path=path,
                line=query.lines.get(relation, 1),
            )

    apart = {relation.split(".", 1)[0] for relation in query.relations} - set(READABLE_SCHEMAS)
    if apart and len({relation.split(".", 1)[0] for relation in query.relations}) > 1:
        raise DefinitionError(
            f"the card reads {_words(sorted(apart))} together with other schemas; these are not in one place,"
            " make two cards of it",
            path=path,
            line=query.lines.get(next(iter(query.relations)), 1),
        )

    def line(position: int) -> int:
        return query.sql.count("\n", 0, position) + 1

    try:
        reads = reads_of(query.sql)
    except ParseError as error:
        raise DefinitionError(str(error), path=path, line=line(error.position)) from error
    for relation in reads.relations:
        if relation not in query.relations:
            model = relation.rsplit(".", 1)[-1]
            raise DefinitionError(
                f"the card names {relation!r} directly; use {{{{ ref('{model}') }}}}",
                path=path,
                line=line(reads.positions[relation]),
            )
    if reads.functions:
        raise DefinitionError(
            f"the card calls {reads.functions[0]!r}, which reads from outside; read a model", path=path, line=1
        )
    if reads.impure is not None:
        name, position = reads.impure
        raise DefinitionError(
            f"{name!r} differs from build to build, a page shows one cut; take it from a model",
            path=path,
            line=line(position),
        )
    if reads.star is not None:
        raise DefinitionError(
            "the last select says *; name its columns, so that a change of a model is seen here",
            path=path,
            line=line(reads.star),
        )
    return reads


def _check_order(card: Card, reads: Reads, *, path: Path) -> None:
    if not reads.is_ordered and (card.chart != "kpi" or card.encode.x is not None):
        raise DefinitionError(
            f"the query of card {card.key!r} states no order; end it with an order by", path=path, line=1
        )


def _check_restricted(card: Card, query: Query, *, path: Path) -> None:
    """What is restricted is shown from summaries alone, in which small cells are hidden, and counted once more."""
    restricted = [relation for relation in query.relations if relation.startswith("restricted.")]
    for relation in restricted:
        if not relation.endswith("_summary"):
            raise DefinitionError(
                f"the card reads {relation!r}; of 'restricted' a page shows summaries only, in which small cells are"
                " hidden (their names end with _summary)",
                path=path,
                line=query.lines[relation],
            )
    if restricted and card.expect.small_cells is None:
        raise DefinitionError(
            f"card {card.key!r} reads {restricted[0]!r} without expect.small_cells; name the column that counts people",
            path=path,
            line=query.lines[restricted[0]],
        )


def _words(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


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
    missing = sorted(set(expect.columns) - set(table.column_names))
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
        *_small_cells(expect, table),
        *_everything(card, dashboard, table),
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


def _small_cells(expect: Expect, table: pa.Table) -> Found:
    cells = expect.small_cells
    if cells is None:
        return []
    numbers = [number for value in values_of(table[cells.column]) if (number := as_number(value)) is not None]
    small = sum(0 < number < cells.least for number in numbers)
    message = f"{small} of {table.num_rows} rows tell of fewer than {cells.least} people"
    return [("small_cells", message)] if small else []


def _everything(card: Card, dashboard: Dashboard, table: pa.Table) -> Found:
    """A filtered card's rows for everything are among its rows, or the page would open empty."""
    chosen = [dashboard.filters[key] for key in card.filters]
    if not table.num_rows or all(one.all in values_of(table[one.column]) for one in chosen):
        return []
    return [("filter", f"no row of the result is for everything ({chosen[0].all!r} in {chosen[0].column!r})")]


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
