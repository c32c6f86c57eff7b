"""A constant default of a new column gives old rows a value that no message tells: one of every type and value."""

from pathlib import Path

from psycopg import sql

from ingestion.postgres.source import connect
from tests.crash.values import FIXED, OWN_TYPES, declared
from tests.ingestion.pipeline import pipeline
from tests.ingestion.test_every_type import spelled_alike
from tests.ingestion.warehouses import Warehouse

# A domain with a check: Postgres rewrites the table, and the watch has it copied again.
REWRITES = ("positive",)


def test_a_default_of_any_type_fills_the_rows_of_before(database: str, tmp_path: Path, warehouse: Warehouse) -> None:
    flux = pipeline(database, tmp_path, warehouse=warehouse)
    flux.execute(OWN_TYPES, "create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    defaults = [
        (kind, text.format(n=3, d=17)) for kind, texts in FIXED.items() for text in texts if kind not in REWRITES
    ]
    defaults += [("text", text) for text in ("", "NULL", '"', "a,b", "{}", "\\", "two\nlines", "é𝄞", "x" * 5000)]
    add = sql.SQL("add column {} {} default {}")
    columns = [
        add.format(sql.Identifier(f"c{i}"), sql.SQL(declared(kind)), sql.Literal(text))
        for i, (kind, text) in enumerate(defaults)
    ]
    with connect(flux.source) as connection:
        connection.execute(sql.SQL("alter table t {}").format(sql.SQL(", ").join(columns)))
    flux.replicate()
    flux.replicate()  # a copy, where DuckDB cannot hold a default but as text
    with flux.destination.open() as destination:
        (table,) = destination.machinery.read_tables().values()
    found = flux.query(f"select {', '.join(map(flux.destination.source_text, table.columns[1:]))} from {table.mirror}")
    with connect(flux.source) as connection:
        texts = ", ".join(f"format('%s', c{i})" for i in range(len(defaults)))
        expected = connection.execute(f"select {texts} from t".encode()).fetchall()
    kinds = [kind for kind, _ in defaults]
    assert [*map(spelled_alike, kinds, found[0])] == [*map(spelled_alike, kinds, expected[0])]
    if flux.destination.url.startswith("postgresql"):
        assert flux.query("select * from _flux.history_gaps") == []
