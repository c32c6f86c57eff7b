"""Hold source and warehouse against each other, table by table, in the text form of the source.

Each mirror goes back into the source's Postgres as text, is cast to the source's own types there, and is compared with
the table by EXCEPT ALL both ways: another road than the loader's and than that of `flux verify`.
"""

from typing import Any

import duckdb
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from ingestion.postgres.plan import TableRef, make_plan
from ingestion.postgres.source import Source, session_options
from ingestion.verify import replay_histories
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from ingestion.warehouse.duckdb.schema import read_tables
from ingestion.warehouse.names import quote
from ingestion.warehouse.table import Table
from tests.crash.bank import AUDITED
from tests.crash.processes import Home

_COLUMNS = """
select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum
"""


def differences(home: Home) -> dict[str, str]:
    """What is not equal, by source table. Empty: mirrors are the source, histories replay to the mirrors."""
    found: dict[str, str] = {}
    selected = {table.oid: table for table in make_plan(Source(home.url, slot=home.slot)).selected}
    with home.open() as warehouse, psycopg.connect(home.url, options=session_options(), autocommit=True) as source:
        tables = read_tables(warehouse)
        for oid, table in selected.items():
            if oid not in tables:
                found[table.source] = "not in the warehouse"
            elif reason := _difference(warehouse, source, tables[oid], table):
                found[table.source] = reason
        for replayed in replay_histories(DuckdbDestination(warehouse)):
            if not replayed.equal:
                found[f"history of {replayed.source}"] = (
                    f"{replayed.rows_source} rows replayed, {replayed.rows_warehouse} in the mirror, "
                    f"{replayed.differing_keys} keys differ: {replayed.sample[:3]}"
                )
    return found


def _difference(
    warehouse: duckdb.DuckDBPyConnection, source: psycopg.Connection[Any], table: Table, ref: TableRef
) -> str:
    columns = source.execute(_COLUMNS, (table.oid,)).fetchall()
    if [name for name, _ in columns] != [column.source_name for column in table.columns]:
        return f"columns {[c[0] for c in columns]} stand as {[c.source_name for c in table.columns]}"
    rows = warehouse.execute(f"select {', '.join([*map(_text, table.columns), '1'])} from {table.mirror}").fetchall()
    places = [sql.Identifier(f"c{i}") for i in range(len(columns))]
    texts = [sql.SQL("{} text").format(place) for place in places]
    source.execute(sql.SQL("create temp table _mirror ({})").format(sql.SQL(", ").join([*texts, sql.SQL("one int")])))
    try:
        with source.cursor().copy("copy _mirror from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        typed = [sql.SQL("{}::" + declared).format(place) for place, (_, declared) in zip(places, columns, strict=True)]
        there = sql.SQL("select {} from {}").format(_texts(typed), sql.Identifier("_mirror"))
        name = sql.Identifier(ref.schema, ref.name)
        here = sql.SQL("select {} from {} {}").format(
            _texts([sql.Identifier(column) for column, _ in columns]), sql.SQL("" if ref.partitioned else "only"), name
        )
        surplus, lacking = (
            source.execute(sql.SQL("({}) except all ({})").format(one, other)).fetchall()
            for one, other in ((there, here), (here, there))
        )
    except psycopg.Error as error:
        return f"what stands in the warehouse is no value of the source: {error}"
    finally:
        source.execute("drop table _mirror")
    if not surplus and not lacking:
        return ""
    return f"{len(surplus)} rows too many, {len(lacking)} too few: {_cut(surplus)} instead of {_cut(lacking)}"


def _text(column: Any) -> str:
    name = quote(column.name)
    text = f"'\\x' || lower(hex({name}))" if column.type == "BLOB" else f"{name}::varchar"
    return f"coalesce({quote(column.text_name)}, {text})" if column.has_text else text


def _texts(values: list[Any]) -> sql.Composed:
    return sql.SQL(", ").join(
        [*(sql.SQL("case when {0} is not null then format('%s', {0}) end").format(v) for v in values), sql.SQL("1")]
    )


def _cut(rows: list[tuple[Any, ...]]) -> str:
    return str(sorted(map(str, rows))[:2])[:400]


def unequal_histories(home: Home) -> dict[str, tuple[list[Any], list[Any]]]:
    """Hold each history against the source's own record: (said here and not there, said there and not here).

    Counts the changes since the copy: all tables of the bank were copied at one LSN, and nothing was copied twice.
    """
    found = {}
    with home.open() as warehouse, psycopg.connect(home.url, autocommit=True) as source:
        tables = {table.source: table for table in read_tables(warehouse).values()}
        assert warehouse.execute("from _flux.history_gaps where relation <> 'raw_app.shifty'").fetchall() == []
        copied = {tables[f"public.{name}"].snapshot_lsn for name in AUDITED}
        assert len(copied) == 1, "the bank's tables were copied at several places"
        for name in AUDITED:
            table = tables[f"public.{name}"]
            columns = ", ".join(quote(column.name) for column in table.columns)
            rows = warehouse.execute(f"select _op, {columns} from {table.history} where _op <> 'snapshot'").fetchall()
            names = [column.source_name for column in table.columns]
            source.execute("create temp table _said (op text, said jsonb)")
            with source.cursor().copy("copy _said from stdin") as copy:
                for op, *values in rows:
                    pairs = {k: v for k, v in zip(names, values, strict=True) if v is not None}
                    copy.write_row((op, Jsonb(pairs)))
            here = "select op, said from _said"
            there = f"select op, said from _flux_audit.change where tab = '{name}'"
            surplus = source.execute(f"{here} except all {there}".encode()).fetchall()
            lacking = source.execute(f"{there} except all {here}".encode()).fetchall()
            source.execute("drop table _said")
            if surplus or lacking:
                found[name] = (surplus[:3], lacking[:3])
    return found
