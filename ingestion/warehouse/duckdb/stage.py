"""Stage a batch's changes of one table: text by columns in, typed temporary tables out.

Two temporary tables a replicated table. `new` holds new tuples (inserts and updates), `old` the old tuples (deletes,
and updates that sent one). Columns go by position, `c0`, `c1`, ..., so that no source name can meet ours:

    _n    order in the batch: 2n for an old tuple, 2n + 1 for the new tuple of message n
    _tag  ascii of I, U, D;  _lsn, _seq  as in the history
    c<i>  typed value;  t<i>  text of a value that the type cannot hold (only for columns with a sibling)
    u<i>  true where the source did not send the value (unchanged TOAST); only where that occurred
"""

import pyarrow as pa

from ingestion.warehouse.duckdb.apply import DuckdbApplier
from ingestion.warehouse.duckdb.schema import add_text_columns
from ingestion.warehouse.duckdb.session import DuckdbSession
from ingestion.warehouse.table import Table
from ingestion.warehouse.types import cast_text, may_fail


def stage(session: DuckdbSession, table: Table, new: pa.Table, old: pa.Table) -> DuckdbApplier:
    """Stage the changes, ready to be applied; adds sibling columns to the table where a value needs one.

    `new` has columns _n, _tag, _lsn, _seq, one string_view c<i> a column, and u<i> where values are unchanged; `old`
    has no u<i>. For keyed tables only the key's columns of `old` mean anything.
    """
    unchanged = tuple(i for i in range(len(table.columns)) if f"u{i}" in new.column_names)
    extra = "".join(f", u{i}" for i in unchanged)
    old_positions = table.key or tuple(range(len(table.columns)))
    all_positions = tuple(range(len(table.columns)))
    while True:
        names = f"_new_{table.oid}", f"_old_{table.oid}"
        _create(session, names[0], table, new, all_positions, extra)
        _create(session, names[1], table, old, old_positions, "")
        unfit = unfit_columns(session, names[0], table, new, all_positions)
        unfit |= unfit_columns(session, names[1], table, old, old_positions)
        if not unfit:
            break
        table = add_text_columns(session, table, unfit)
    applier = DuckdbApplier(session, table, *names, unchanged)
    applier.drop_same_keys()
    return applier


def _create(
    session: DuckdbSession,
    name: str,
    table: Table,
    rows: pa.Table,
    positions: tuple[int, ...],
    extra: str,
) -> None:
    session.bring("_rows", rows)
    columns = ", ".join(["_n", "_tag", "_lsn", "_seq", *typed_columns(table, positions)])
    session.keep(name, f"select {columns}{extra} from _rows")
    session.forget("_rows")


def typed_columns(table: Table, positions: tuple[int, ...]) -> list[str]:
    """SELECT expressions that turn the text columns c<i> into typed c<i>, and t<i> where there is a sibling."""
    found = []
    for i in positions:
        column = table.columns[i]
        typed = cast_text(f"c{i}", column.type)
        found.append(f"{typed} as c{i}")
        if column.has_text:
            found.append(f"case when {typed} is null then c{i} end as t{i}")
    return found


def unfit_columns(
    session: DuckdbSession, name: str, table: Table, rows: pa.Table, positions: tuple[int, ...]
) -> set[int]:
    """Columns without a sibling that lost a value in the cast. Counting nulls costs next to nothing."""
    fallible = [i for i in positions if may_fail(table.columns[i].type) and not table.columns[i].has_text]
    if not fallible or not rows.num_rows:
        return set()
    counts = session.execute(f"select {', '.join(f'count(c{i})' for i in fallible)} from {name}")[0]
    return {
        i for i, count in zip(fallible, counts, strict=True) if count != rows.num_rows - rows.column(f"c{i}").null_count
    }
