"""A small DuckDB warehouse whose raw tables keep every promise of landing.yaml; tests then break one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.checks.contract import Contract, load_contracts

_SQL_TYPES = {"text": "varchar", "decimal": "decimal(6, 1)"}
_VALUES = {
    "bigint": "i",
    "integer": "i % 7",
    "smallint": "1 + i % 5",
    "decimal": "0.5",
    "real": "0.5",
    "double": "0.25",
    "boolean": "true",
    "text": "'t' || i",
    "uuid": "uuid()",
    "json": "'{}'",
    "date": "date '2026-01-01'",
    "timestamptz": "timestamptz '2026-01-01 00:00:00+00'",
}


def create(path: Path, contracts: list[Contract] | None = None, rows: int = 60) -> None:
    with connect(path) as connection:
        for contract in load_contracts() if contracts is None else contracts:
            choices = {
                rule.column: _choice(rule.arguments["value_set"]) for rule in contract.rules if rule.kind == "one_of"
            }
            columns = [
                f"({choices.get(name, _VALUES[kind])})::{_SQL_TYPES.get(kind, kind)} as {name}"
                for name, kind in contract.types.items()
            ]
            connection.execute(f"create schema if not exists {contract.schema}")
            connection.execute(
                f"create table {contract.relation} as select {', '.join(columns)} from range({rows}) as numbers (i)"
            )


def change_daily(path: Path, contract: Contract, changes: list[int]) -> None:
    """Give the table a history: so many changes on each day, the last day being yesterday by the data's clock.

    The clock stands half an hour into 2026-03-25, a Wednesday; each day's changes are spread over all its hours.
    """
    history = f"{contract.schema}_history.{contract.table}"
    with connect(path) as connection:
        connection.execute(f"create schema if not exists _flux; create schema if not exists {contract.schema}_history")
        connection.execute("create table _flux.clock as select timestamptz '2026-03-25 00:30:00+00' as clock_at")
        connection.execute(f"create table {history} (id bigint, _op varchar, _commit_at timestamptz)")
        for age, count in enumerate(reversed(changes), 1):
            connection.execute(
                f"insert into {history} select n, 'update', timestamptz '2026-03-25 00:00:00+00' - to_days($1)"
                " + to_microseconds(86400000000 * n // $2) from range($2) as numbers (n)",
                [age, count],
            )


def change(path: Path, *statements: str) -> None:
    with connect(path) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def connect(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(path) as connection:
        connection.execute("SET TimeZone='UTC'; SET autoinstall_known_extensions=false")
        yield connection


def _choice(values: list[str]) -> str:
    return f"[{', '.join(repr(value) for value in values)}][1 + i % {len(values)}]"
