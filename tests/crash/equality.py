"""Hold source and warehouse against each other, table by table, in the text form of the source.

The same for every warehouse. Each mirror goes back into the source's Postgres as text, is cast to the source's own
types there, and is compared with the table by EXCEPT ALL both ways: another road than the loader's and than that of
`flux verify`.
"""

from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from ingestion.postgres.plan import TableRef, make_plan
from ingestion.postgres.source import Source, session_options
from ingestion.verify import replay_histories
from ingestion.warehouse.names import quote
from ingestion.warehouse.session import Session
from ingestion.warehouse.table import Table
from tests.crash.bank import AUDITED, broken_laws
from tests.crash.processes import VERIFY, Home

_COLUMNS = """
select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum
"""


def assert_lawful(home: Home) -> None:
    """What stands in the warehouse now keeps the laws of the bank."""
    with home.open() as warehouse:
        assert broken_laws(warehouse.machinery.session) == []


def assert_whole(home: Home) -> None:
    """Nothing is lost, doubled or by half, in mirrors and histories, nor to `flux verify`. Ends what still runs."""
    home.kill()
    home.replicate()
    assert_lawful(home)
    found = {**differences(home), **unequal_histories(home)}
    assert not found, found  # said in words: pytest explains no assertion of this file
    assert home.start(VERIFY).wait(120) == 0, home.said()


def differences(home: Home, primary: str | None = None) -> dict[str, str]:
    """What is not equal, by source table. Empty: mirrors are the source, histories replay to the mirrors.

    A source that is a standby takes no mirror back: then `primary` does.
    """
    found: dict[str, str] = {}
    url = primary or home.url
    selected = {table.oid: table for table in make_plan(Source(url, slot=home.slot)).selected}
    with home.open() as warehouse, psycopg.connect(url, options=session_options(), autocommit=True) as source:
        tables = warehouse.machinery.read_tables()
        for oid, table in selected.items():
            if oid not in tables:
                found[table.source] = "not in the warehouse"
            elif reason := _difference(home, warehouse.machinery.session, source, tables[oid], table):
                found[table.source] = reason
        for replayed in replay_histories(warehouse):
            if not replayed.equal:
                found[f"history of {replayed.source}"] = (
                    f"{replayed.rows_source} rows replayed, {replayed.rows_warehouse} in the mirror, "
                    f"{replayed.differing_keys} keys differ: {replayed.sample[:3]}"
                )
    return found


def _difference(home: Home, warehouse: Session, source: psycopg.Connection[Any], table: Table, ref: TableRef) -> str:
    columns = source.execute(_COLUMNS, (table.oid,)).fetchall()
    if [name for name, _ in columns] != [column.source_name for column in table.columns]:
        return f"columns {[c[0] for c in columns]} stand as {[c.source_name for c in table.columns]}"
    texts = [home.warehouse.source_text(column) for column in table.columns]
    rows = warehouse.execute(f"select {', '.join([*texts, '1'])} from {table.mirror}")
    places = [sql.Identifier(f"c{i}") for i in range(len(columns))]
    laid = [*(sql.SQL("{} text").format(place) for place in places), sql.SQL("one int")]
    source.execute(sql.SQL("create temp table _mirror ({})").format(sql.SQL(", ").join(laid)))
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


def _texts(values: list[Any]) -> sql.Composed:
    return sql.SQL(", ").join(
        [*(sql.SQL("case when {0} is not null then format('%s', {0}) end").format(v) for v in values), sql.SQL("1")]
    )


def _cut(rows: list[tuple[Any, ...]]) -> str:
    return str(sorted(map(str, rows))[:2])[:400]


def unequal_histories(home: Home, primary: str | None = None) -> dict[str, tuple[list[Any], list[Any]]]:
    """Hold each history against the source's own record: (said here and not there, said there and not here).

    Counts the changes since the copy: all tables of the bank were copied at one LSN, and nothing was copied twice.
    """
    found = {}
    with home.open() as warehouse, psycopg.connect(primary or home.url, autocommit=True) as source:
        session = warehouse.machinery.session
        tables = {table.source: table for table in warehouse.machinery.read_tables().values()}
        # A replay notes that its history begins with the copies: from 0 on.
        gaps = "select * from _flux.history_gaps where relation <> 'raw_app.shifty' and from_lsn > 0"
        assert session.execute(gaps) == []
        copied = {tables[f"public.{name}"].snapshot_lsn for name in AUDITED}
        assert len(copied) == 1, "the bank's tables were copied at several places"
        for name in AUDITED:
            table = tables[f"public.{name}"]
            columns = ", ".join(quote(column.name) for column in table.columns)
            rows = session.execute(f"select _op, {columns} from {table.history} where _op <> 'snapshot'")
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
