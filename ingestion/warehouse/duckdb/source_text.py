"""The way back: SQL that gives the source's text of a value from what landed in DuckDB.

That it does so for every value is what "lossless" means here (design, law 4). A value that its type cannot hold stands
in the sibling column, as the source wrote it.
"""

import re

from ingestion.warehouse.names import quote
from ingestion.warehouse.table import TableColumn


def source_text(column: TableColumn) -> str:
    """SELECT expression: the text that Postgres writes (ISO dates, UTC, bytea as hex) for a landed value.

    Floats have the same digits, which read back as the same bits, and may be spelled differently (1e+15 here,
    1000000000000000 there).
    """
    name = quote(column.name)
    match column.type:
        case "BLOB":
            back = f"'\\x' || lower(hex({name}))"
        case "BOOLEAN":
            back = f"case when {name} then 't' when not {name} then 'f' end"
        case "TIMESTAMPTZ":
            # DuckDB writes the session's offset, which the connection sets to UTC, as Postgres does.
            back = f"cast({name} as varchar)"
        case kind if re.fullmatch(r"DECIMAL\((\d+),\1\)", kind):
            # All digits are behind the point: DuckDB then leaves out the nought before it.
            back = f"regexp_replace(cast({name} as varchar), '^(-?)[.]', '\\10.')"
        case _:
            back = f"cast({name} as varchar)"
    return f"coalesce({quote(column.text_name)}, {back})" if column.has_text else back
