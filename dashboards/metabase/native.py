"""A card's SQL as Metabase asks it: one filter value, closed periods only, in the warehouse's dialect.

A card returns rows for each value of its filter and for `all`, so the filter is a comparison around it. It is a plain
variable (`{{client}}`) with a default, which works on any SQL; a field filter would need a table of Metabase's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlglot
from sqlglot import exp

from dashboards.compile import Query
from dashboards.model import Card, Filter

Translate = Callable[[exp.Expr], str]  # a SELECT -> text in the dialect of the database that Metabase reads

CUT: Final = "intermediate.int_current_cut"  # the build that the models stand on; published with them
_DAYS: Final = {"day": 1, "week": 7, "month": 31}
_MARK: Final = "flux-variable-{}"
_LOCKED: Final = "flux-locked-value"


@dataclass(frozen=True, slots=True)
class Lock:
    """What a signed link fixes: the filter, and the column of a relation by whose value it is fixed."""

    filter: str
    relation: str
    column: str


@dataclass(frozen=True, slots=True)
class Native:
    """SQL with `{{variables}}`, and the filter that each stands for."""

    sql: str
    variables: tuple[str, ...] = ()


def card_native(
    card: Card, query: Query, filters: Mapping[str, Filter], translate: Translate, lock: Lock | None = None
) -> Native:
    """Write a card's query for Metabase. A `lock` adds a variable of its column's name that overrules its filter."""
    conditions = [
        f"({_name(filters[key].column)} = {_text(_MARK.format(key))})"  # the variable takes the literal's place below
        for key in card.filters
    ]
    if card.grain is not None and card.encode.x is not None:
        conditions += _closed(card)
    tree = _parsed(query.sql)
    if not conditions:
        return Native(translate(tree))
    inner, order = without_order(tree)
    drawn = [exp.column(name, quoted=True) for name in _drawn(card)]
    around = exp.select(*drawn).from_(inner.subquery("card")).where(*conditions, dialect="duckdb")
    around = around.order_by(*order) if order else around
    sql = _with_variables(translate(around), card.filters, filters, lock, translate)
    return Native(sql, (*card.filters, lock.column) if lock is not None else card.filters)


def values_native(card: Card, query: Query, filter_: Filter, translate: Translate) -> Native:
    """Write the query for the values among which a filter chooses: `all` first."""
    column = _name(filter_.column)
    first = f"case when {column} = {_text(filter_.all)} then 0 else 1 end"
    choices = exp.select(column, dialect="duckdb").distinct().from_(_parsed(query.sql).subquery("card"))
    listed = exp.select(column, dialect="duckdb").from_(choices.subquery("choices"))
    return Native(translate(listed.order_by(first, column, dialect="duckdb")))


def _parsed(sql: str) -> exp.Query:
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    assert isinstance(tree, exp.Query)  # checks.check_query
    return tree


def without_order(tree: exp.Query) -> tuple[exp.Query, list[exp.Expr]]:
    """Take the order off a query, and say it of what the query gives: order inside a subquery binds nobody.

    What is ordered by and not given goes along hidden.
    """
    given = {one.alias_or_name: one.unalias() for one in tree.selects}
    order = tree.args.get("order")
    tree.set("order", None)
    outer: list[exp.Expr] = []
    for number, ordered in enumerate(order.expressions if order is not None else []):
        key = ordered.this
        if isinstance(key, exp.Literal) and key.is_int:  # order by 1: the first column that it gives
            ordered.set("this", exp.column(tree.named_selects[int(key.name) - 1], quoted=True))
        elif isinstance(key, exp.Column) and key.name in given and given[key.name] == key:
            key.set("table", None)
        is_known = all(not column.table and column.name in given for column in ordered.find_all(exp.Column))
        if not is_known or ordered.find(exp.AggFunc) is not None:
            hidden = f"order_{number}"
            assert isinstance(tree, exp.Select)  # a union is ordered by what it gives
            tree = tree.select(exp.alias_(key.copy(), hidden))
            ordered.set("this", exp.column(hidden))
        outer.append(ordered)
    return tree, outer


def _drawn(card: Card) -> list[str]:
    """Name the columns that are drawn: a table that pivots, and a trend, know no others."""
    encode = card.encode
    drawn = [*(one.column for one in card.columns), encode.series, encode.x, encode.detail]
    return list(dict.fromkeys(name for name in (*drawn, *(one.column for one in encode.y)) if name is not None))


def _closed(card: Card) -> list[str]:
    """Periods that the cut has not closed look like a collapse; older ones than the page shows are left out."""
    assert card.grain is not None
    begin = f"cast({_name(card.encode.x or '')} as date)"
    cut = f"(select cast(cut_at as date) from {CUT})"
    oldest = timedelta(days=_DAYS[card.grain] * (card.periods + 1)).days
    return [f"{begin} + interval '1 {card.grain}' <= {cut}", f"{begin} >= {cut} - interval '{oldest} days'"]


def _with_variables(
    sql: str, variables: tuple[str, ...], filters: Mapping[str, Filter], lock: Lock | None, translate: Translate
) -> str:
    for key in variables:
        own = f"{{{{{key}}}}}"
        if lock is not None and lock.filter == key:
            own += _overruled(filters[key].column, lock, translate)
        sql = sql.replace(_text(_MARK.format(key)), own)
    return sql


def _overruled(column: str, lock: Lock, translate: Translate) -> str:
    """Go on behind `column = {{filter}}`, in parentheses: where the locked value is given, it alone counts.

    An unknown value finds no row and so shows nothing. Metabase leaves out what stands in [[ ]] without a value.
    """
    schema, _, name = lock.relation.partition(".")
    found = exp.select(exp.column(column, quoted=True)).from_(exp.table_(name, db=schema, quoted=True))
    one = translate(found.where(f"{_name(lock.column)} = {_text(_LOCKED)}", dialect="duckdb"))
    one = one.replace(_text(_LOCKED), f"{{{{{lock.column}}}}}")
    return f" [[and {{{{{lock.column}}}}} is null or {_name(column)} = ({one})]]"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
