"""How large a Postgres warehouse is, by the server's own word. Reads no row."""

from __future__ import annotations

from ingestion.warehouse.session import Session

_ABOUT = """
select n.nspname, c.relname, case when c.reltuples >= 0 then c.reltuples::bigint end
from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema')
"""


def about_rows(session: Session) -> dict[tuple[str, str], int | None]:
    """Give the planner's estimate of each table's rows by (schema, table); None where nothing was analyzed yet."""
    return {(schema, name): rows for schema, name, rows in session.execute(_ABOUT)}


def database_bytes(session: Session) -> int:
    """Give the bytes of the whole database."""
    return int(session.execute("select pg_database_size(current_database())")[0][0])
