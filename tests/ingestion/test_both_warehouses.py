"""The same log, the same tables: whatever the engine, and however the log was cut into batches."""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.random_changes import COLUMNS, DEFINITIONS, TABLES, Writer
from tests.ingestion.warehouses import PostgresWarehouse

Row = tuple[object, ...]
MACHINERY = ["_op", "_epoch", "_lsn", "_seq", "_commit_at::varchar"]
# Casts to text that are not the type's own output.
OUTPUT = {"char(5)": "textin(bpcharout({}))", "inet": "textin(inet_out({}))"}


def postgres_texts() -> list[str]:
    """SELECT list of the columns' texts in Postgres, at the source or in the warehouse."""
    return [OUTPUT.get(kind, "{}::text").format(f'"{name}"') for name, kind in COLUMNS.items()]


def duckdb_texts(flux: Pipeline, schema: str, table: str) -> list[str]:
    """SELECT list of the columns' texts in DuckDB: a sibling's where the type could not hold the value."""
    present = flux.query(
        "select column_name from information_schema.columns "
        f"where table_schema = '{schema}' and table_name = '{table}' and column_name like '%\\_\\_text' escape '\\'"
    )
    found = []
    for name, kind in COLUMNS.items():
        text = f"'\\x' || lower(hex(\"{name}\"))" if kind == "bytea" else f'"{name}"::varchar'
        found.append(f'coalesce("{name}__text", {text})' if (f"{name}__text",) in present else text)
    return found


def as_sent(rows: Iterable[Sequence[object]]) -> list[Row]:
    """Rows of k, id, texts and more, sorted; booleans and floats as values: engines write them in their own ways."""
    kinds = list(COLUMNS.values())
    formed = [
        (*row[:2], *map(_value, kinds, row[2 : 2 + len(kinds)]), *row[2 + len(kinds) :])  # type: ignore[arg-type]
        for row in rows
    ]
    return sorted(formed, key=repr)


def _value(kind: str, text: str | None) -> object:
    if text is None or kind not in ("bool", "float4", "float8"):
        return text
    return text[0] if kind == "bool" else struct.pack("d" if kind == "float8" else "f", float(text))


def selected(texts: list[str], relation: str, more: Sequence[str] = ()) -> str:
    return f"select {', '.join(['k', 'id', *texts, *more])} from {relation}"


@pytest.mark.parametrize("seed", [1, 2])
def test_random_changes_end_equal_in_both_and_at_the_source(
    database: str, tmp_path: Path, postgres_warehouse: PostgresWarehouse, seed: int
) -> None:
    in_duckdb = pipeline(database, tmp_path)
    in_postgres = Pipeline(in_duckdb.source, tmp_path, postgres_warehouse)
    in_duckdb.execute(*DEFINITIONS)
    writer = Writer(database, seed)
    writer.write(20)
    for _ in range(3):  # DuckDB follows step by step, Postgres takes the whole log at once
        in_duckdb.replicate()
        writer.write(40)
    in_duckdb.replicate()
    in_postgres.load()

    for table in TABLES:
        source = as_sent(in_duckdb.at_source(selected(postgres_texts(), table)))
        for schema, more in (("raw_app", []), ("raw_app_history", MACHINERY)):
            relation = f"{schema}.{table}"
            here = as_sent(in_duckdb.query(selected(duckdb_texts(in_duckdb, schema, table), relation, more)))
            there = as_sent(in_postgres.query(selected(postgres_texts(), relation, more)))
            assert here == there
            assert here == source or more
    assert in_postgres.query("select distinct state from _flux.tables") == [("streaming",)]
    assert in_duckdb.query("select count(*) from _flux.quarantine") == [(0,)]
