"""The same log, the same tables: whatever the engine, and however the log was cut into batches."""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from ingestion.postgres.source import WireFormat
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.random_changes import COLUMNS, DEFINITIONS, TABLES, Writer
from tests.ingestion.warehouses import PostgresWarehouse

Row = tuple[object, ...]
MACHINERY = ["_op", "_epoch", "_lsn", "_seq", "_commit_at::varchar"]
AT_SOURCE = [f'case when "{name}" is distinct from null then format(\'%s\', "{name}") end' for name in COLUMNS]


def landed(flux: Pipeline, table: str, *, history: bool = False) -> list[Row]:
    """A table's rows, each value as the source's text; a history's with what it says of each change."""
    with flux.destination.open() as destination:
        known = next(found for found in destination.machinery.read_tables().values() if found.name == table)
    texts = [flux.destination.source_text(column) for column in known.columns[2:]]
    if history:
        return as_sent(flux.query(selected([*texts, *MACHINERY], known.history)))
    return as_sent(flux.query(selected(texts, known.mirror)))


def as_sent(rows: Iterable[Sequence[object]]) -> list[Row]:
    """Rows of k, id, texts and more, sorted; floats as bits, which engines spell in their own ways."""
    kinds = list(COLUMNS.values())
    formed = [
        (*row[:2], *map(_value, kinds, row[2 : 2 + len(kinds)]), *row[2 + len(kinds) :])  # type: ignore[arg-type]
        for row in rows
    ]
    return sorted(formed, key=repr)


def _value(kind: str, text: str | None) -> object:
    if text is None or kind not in ("float4", "float8"):
        return text
    return struct.pack("d" if kind == "float8" else "f", float(text))


def selected(texts: list[str], relation: str) -> str:
    return f"select {', '.join(['k', 'id', *texts])} from {relation}"


@pytest.mark.parametrize(("seed", "gap", "wire"), [(1, False, "text"), (2, True, "text"), (3, False, "binary")])
def test_random_changes_end_equal_in_both_and_at_the_source(
    database: str, tmp_path: Path, postgres_warehouse: PostgresWarehouse, seed: int, gap: bool, wire: WireFormat
) -> None:
    in_duckdb = pipeline(database, tmp_path, wire=wire)
    in_postgres = Pipeline(in_duckdb.source, tmp_path, postgres_warehouse)
    in_duckdb.execute(*DEFINITIONS)
    writer = Writer(database, seed)
    writer.write(20)
    for _ in range(3):  # DuckDB follows step by step, Postgres takes the whole log at once
        in_duckdb.replicate()
        writer.write(40)
    if gap:
        in_duckdb.execute(f"select pg_drop_replication_slot('{in_duckdb.source.slot}')")
    in_duckdb.replicate()
    in_postgres.load()
    assert in_duckdb.formats() == wire[0]

    for table in TABLES:
        source = as_sent(in_duckdb.at_source(selected(AT_SOURCE, table)))
        assert landed(in_duckdb, table) == source
        assert landed(in_postgres, table) == source
        history = landed(in_duckdb, table, history=True)
        assert landed(in_postgres, table, history=True) == history
        assert len(history) > len(source)
    assert in_postgres.query("select distinct state from _flux.tables") == [("streaming",)]
    assert in_duckdb.query("select count(*) from _flux.quarantine") == [(0,)]
