"""Repair a mirror in Postgres: rows are compared as texts, as a copy's are."""

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa

from ingestion.warehouse.postgres.apply import row_text
from ingestion.warehouse.postgres.schema import column_definitions, column_names
from ingestion.warehouse.postgres.session import PostgresSession
from ingestion.warehouse.postgres.stage import append_rows
from ingestion.warehouse.repair import KEYS, key_places, replace_keys
from ingestion.warehouse.reshape import grow_siblings
from ingestion.warehouse.table import Table


def repair(
    session: PostgresSession, table: Table, chunks: Iterable[pa.Table], here: str, lsn: int, at: datetime
) -> tuple[Table, int]:
    """See `Destination.repair`."""
    fresh, before = f"_repair_{table.oid}", table
    session.execute(f"create temp table {fresh} ({', '.join(column_definitions(table))}) on commit drop")
    for chunk in chunks:
        table = append_rows(session, table, fresh, chunk)
    grow_siblings(session, table, before)
    row = f"{key_places(table)}, {row_text(column_names(table))} as _row"
    keys = ", ".join(f"k{i}" for i in range(len(table.key_names)))
    session.keep(
        KEYS,
        f"select distinct {keys} from (select {keys}, _row from ("
        f"select {row}, 1 as _side from {fresh} union all select {row}, -1 from {table.mirror} where {here}) as sides "
        f"group by {keys}, _row having sum(_side) <> 0) as rows_differing",
    )
    return table, replace_keys(session, table, fresh, lsn, at)
