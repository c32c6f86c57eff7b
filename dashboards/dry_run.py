"""Ask every card on empty tables with the models' columns: what it would return is known before anything is sent.

Finds columns that no model has, columns that are drawn or expected and not returned, and columns of another kind than
they are drawn as. Neither a warehouse nor a build is needed: the columns are those that the models' contracts promise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from dashboards import usage
from dashboards.checks import check_sources
from dashboards.compile import Query, columns_of_manifest, compile_sql, quoted, relations_of_manifest
from dashboards.errors import DefinitionError, did_you_mean
from dashboards.loader import Definitions
from dashboards.model import NUMBERS, Card, Dashboard, Format

Columns = Mapping[str, Mapping[str, str]]
"""Relation -> column -> type."""
_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL\(.*)$")
_KINDS: Mapping[str, Callable[[str], bool]] = {
    "a number": lambda kind: _NUMBER.match(kind) is not None,
    "a date": lambda kind: kind == "DATE" or kind.startswith("TIMESTAMP"),
    "a time": lambda kind: kind.startswith("TIMESTAMP"),
    "text": lambda kind: kind == "VARCHAR",
}
_OF_FORMAT: Mapping[Format, str] = {"text": "text", "status": "text", "date": "a date", "timestamp": "a time"}


def validate(definitions: Definitions, manifest: Path) -> dict[str, Query]:
    """Do all that is checked without a warehouse; return the queries by SQL name. Raises DefinitionError."""
    relations = relations_of_manifest(manifest) | usage.RELATIONS
    queries = check_sources(definitions, relations)
    check_results(definitions, queries, relations, {**columns_of_manifest(manifest), **usage.COLUMNS})
    return queries


def check_results(
    definitions: Definitions, queries: Mapping[str, Query], relations: Mapping[str, str], columns: Columns
) -> None:
    """Raise DefinitionError at the first card whose result is not what its definition draws and expects."""
    paths = {name: definitions.sql_path(name) for name in queries}
    with _empty_tables(relations, columns) as connection:
        returned = _described(connection, queries, paths, columns)
        for dashboard in definitions.dashboards:
            for card in dashboard.cards.values():
                if card.sql_name in returned:
                    _check_card(definitions, dashboard, card, returned[card.sql_name])
                    _check_reconcile(connection, definitions, dashboard, card, relations)


def described(
    queries: Mapping[str, Query], paths: Mapping[str, Path], relations: Mapping[str, str], columns: Columns
) -> dict[str, dict[str, str]]:
    """Tell the columns that each query would return, and their types. Raises DefinitionError with its path."""
    read = {relation for query in queries.values() for relation in query.relations}
    with _empty_tables({name: one for name, one in relations.items() if one in read}, columns) as connection:
        return _described(connection, queries, paths, columns)


@contextmanager
def _empty_tables(relations: Mapping[str, str], columns: Columns) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": "false"}) as connection:
        for schema in sorted({relation.split(".", 1)[0] for relation in columns}):
            connection.execute(f'create schema if not exists "{schema}"')
        for relation in relations.values():
            if relation in columns:
                _create(connection, relation, columns[relation])
        yield connection


def _described(
    connection: duckdb.DuckDBPyConnection, queries: Mapping[str, Query], paths: Mapping[str, Path], columns: Columns
) -> dict[str, dict[str, str]]:
    return {
        name: _describe(connection, query.sql, paths[name])
        for name, query in queries.items()
        if all(relation in columns for relation in query.relations)
    }


def _create(connection: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, str]) -> None:
    listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"create table {quoted(relation)} ({listed})")


def _describe(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> dict[str, str]:
    try:
        rows = connection.execute(f"describe {sql}").fetchall()
    except duckdb.Error as error:
        message = " ".join(str(error).split("\n\nLINE", 1)[0].split())
        raise DefinitionError(message, path=path, line=_line(sql, message)) from error
    return {str(row[0]): str(row[1]) for row in rows}


def _line(sql: str, message: str) -> int:
    """Guess the line of the engine's complaint: the first one that has the name in quotation marks."""
    for name in re.findall(r'"(\w+)"', message):
        found = re.search(rf"\b{name}\b", sql)
        if found is not None:
            return sql.count("\n", 0, found.start()) + 1
    return 1


def _check_card(definitions: Definitions, dashboard: Dashboard, card: Card, returned: Mapping[str, str]) -> None:
    for column, use, wanted in _uses(card, dashboard):
        kind = returned.get(column)
        if kind is None:
            problem = f"column {column!r} is {use} and not returned{did_you_mean(column, returned)}"
        elif wanted is not None and not _KINDS[wanted](kind):
            problem = f"column {column!r} is {use}, which takes {wanted}; the query returns {kind.lower()}"
        else:
            continue
        raise DefinitionError(
            f"card {card.key!r}: {problem}", path=dashboard.path, line=definitions.line_of(dashboard, card, column)
        )


def _uses(card: Card, dashboard: Dashboard) -> Iterator[tuple[str, str, str | None]]:
    """List the columns of a card: what each is for, and which kind that takes (None: any)."""
    encode, expect = card.encode, card.expect
    for column in card.columns:
        wanted = "a number" if column.format in NUMBERS else _OF_FORMAT[column.format]
        yield column.column, f"drawn as {column.format}", wanted
    if encode.x is not None:
        yield encode.x, "drawn along x", "a date" if card.grain is not None else None
    for measure in encode.y:
        yield measure.column, "drawn as a measure", "a number"
    if encode.series is not None:
        yield encode.series, "what tells the series apart", "text"
    if encode.detail is not None:
        yield encode.detail, "the line below the value", "text"
    for key in card.filters:
        yield dashboard.filters[key].column, f"what filter {key!r} chooses by", "text"
    for name in (*expect.not_null, *expect.unique):
        yield name, "expected", None
    for name in (*expect.range, *([expect.non_increasing] if expect.non_increasing else [])):
        yield name, "held against numbers", "a number"
    for one in (expect.reconcile, expect.small_cells):
        if one is not None:
            yield one.column, "summed up" if one is expect.reconcile else "the number of people", "a number"


def _check_reconcile(
    connection: duckdb.DuckDBPyConnection,
    definitions: Definitions,
    dashboard: Dashboard,
    card: Card,
    relations: Mapping[str, str],
) -> None:
    reconcile = card.expect.reconcile
    if reconcile is None:
        return
    query = compile_sql(reconcile.equals, relations, path=dashboard.path)
    line = definitions.line_of(dashboard, card, "equals")
    try:
        returned = _describe(connection, query.sql, dashboard.path)
    except DefinitionError as error:
        raise DefinitionError(
            f"reconcile of card {card.key!r}: {error.message}", path=dashboard.path, line=line
        ) from error
    if len(returned) != 1 or not _KINDS["a number"](next(iter(returned.values()))):
        raise DefinitionError(
            f"reconcile of card {card.key!r} must return one number, not {', '.join(returned)}",
            path=dashboard.path,
            line=line,
        )
