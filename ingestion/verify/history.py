"""Replay the history: what every change says together must be what the mirror holds.

Of a keyed table the last row of each key by (_epoch, _lsn, _seq) counts, unless it takes the row away. Of a table
without a key rows that came in count up, rows that went count down.
"""

from collections.abc import Collection

import duckdb

from ingestion.errors import VerifyError
from ingestion.verify.difference import compare_rows, mirror_rows, stored_columns
from ingestion.verify.report import TableComparison
from ingestion.warehouse.duckdb.schema import read_tables
from ingestion.warehouse.names import quote
from ingestion.warehouse.table import Table

_GONE = "_op in ('delete', 'truncate')"


def replay_histories(
    connection: duckdb.DuckDBPyConnection, only: Collection[str] | None = None
) -> list[TableComparison]:
    """Compare each replayed history (as `rows_source`) with its mirror. `only` names sources, `schema.table`."""
    tables = sorted(read_tables(connection).values(), key=lambda table: table.source)
    return [
        compare_rows(connection, table, _replayed(table), mirror_rows(table))
        for table in tables
        if only is None or table.source in only
    ]


def assert_history_replays(connection: duckdb.DuckDBPyConnection, only: Collection[str] | None = None) -> None:
    """Raise VerifyError naming the tables whose history, replayed to its end, is not the mirror."""
    wrong = [found for found in replay_histories(connection, only) if not found.equal]
    if wrong:
        named = ", ".join(
            f"{table.relation} ({table.rows_source} rows replayed, {table.rows_warehouse} in the mirror, "
            f"{table.differing_keys} keys differ)"
            for table in wrong
        )
        raise VerifyError(f"history does not replay to the mirror: {named}")


def _replayed(table: Table) -> str:
    listed = stored_columns(table)
    if table.key:
        key = ", ".join(quote(table.columns[i].name) for i in table.key)
        return (
            f"select {listed} from (from {table.history} "
            f"qualify row_number() over (partition by {key} order by _epoch desc, _lsn desc, _seq desc) = 1) "
            f"where not {_GONE}"
        )
    return (
        "select * exclude (copies), unnest(range(copies)) from ("
        f"select * exclude (_op), sum(case when {_GONE} then -1 else 1 end)::bigint as copies from ("
        f"select {listed}, _op from {table.history}) group by all having copies > 0)"
    )
