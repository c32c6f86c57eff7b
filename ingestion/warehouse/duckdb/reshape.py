"""Give a DuckDB table the columns that its source has now."""

from collections.abc import Sequence
from dataclasses import replace

from ingestion.errors import LoadError
from ingestion.warehouse.destination import ColumnChange
from ingestion.warehouse.duckdb.schema import column_list
from ingestion.warehouse.duckdb.session import DuckdbSession
from ingestion.warehouse.duckdb.source_text import source_text
from ingestion.warehouse.names import quote
from ingestion.warehouse.reshape import change_columns, write_rows, write_unfilled
from ingestion.warehouse.table import Table
from ingestion.warehouse.types import cast_text


def reshape(
    session: DuckdbSession,
    before: Table,
    after: Table,
    changes: Sequence[ColumnChange],
    at: tuple[int, int],
    *,
    rekeyed: bool,
) -> None:
    """Change the columns of mirror and history; fill constant defaults in."""
    change_columns(session, before, changes, None)
    filled = any(change.before is None and change.missing is not None for change in changes)
    if filled:
        write_unfilled(session, after, column_list(after), at)
    for change in changes:
        if change.after is None:
            continue
        name, kind = quote(change.after.name), change.after.type
        if change.before is None and change.missing is not None:
            value = cast_text("$1::varchar", kind)
            if session.execute(f"select {value} is null", [change.missing]) == [(True,)]:
                raise LoadError(f"default of column {name} of {after.source!r} is no value of its warehouse type")
            session.execute(f"update {after.mirror} set {name} = {value}", [change.missing])
        elif change.before is not None and change.before.type != kind:
            # What stood beside the column goes into it where the new type can hold it.
            cast = cast_text(source_text(replace(change.before, name=change.after.name)), kind)
            beside = quote(change.after.text_name)
            for target in after.relations:
                session.execute(f"alter table {target} alter column {name} set data type {kind} using {cast}")
                if change.before.has_text:
                    session.execute(f"update {target} set {beside} = null where {name} is not null")
    if filled or rekeyed:
        write_rows(session, after, column_list(after), at)
