"""Repair a mirror in DuckDB: rows are compared as a copy's are."""

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa

from ingestion.warehouse.duckdb.copies import append_rows
from ingestion.warehouse.duckdb.schema import column_definitions, column_list
from ingestion.warehouse.duckdb.session import DuckdbSession
from ingestion.warehouse.repair import KEYS, key_places, replace_keys
from ingestion.warehouse.reshape import grow_siblings
from ingestion.warehouse.table import Table


def repair(
    session: DuckdbSession, table: Table, chunks: Iterable[pa.Table], here: str, lsn: int, at: datetime
) -> tuple[Table, int]:
    """See `Destination.repair`."""
    fresh, before = f"_repair_{table.oid}", table
    session.execute(f"create or replace temp table {fresh} ({', '.join(column_definitions(table))})")
    for chunk in chunks:
        table = append_rows(session, table, fresh, chunk)
    grow_siblings(session, table, before)
    names = column_list(table)
    came, held = f"select {names} from {fresh}", f"select {names} from {table.mirror} where {here}"
    session.keep(
        KEYS,
        f"select distinct {key_places(table)} "
        f"from (({came} except all {held}) union all ({held} except all {came})) as rows_differing",
    )
    keys = replace_keys(session, table, fresh, lsn, at)
    session.execute(f"drop table {fresh}")
    return table, keys
