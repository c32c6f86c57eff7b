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
    "decimal": "i % 50",
    "real": "0.5",
    "double": "0.25",
    "boolean": "true",
    "text": "'t' || i",
    "uuid": "uuid()",
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
