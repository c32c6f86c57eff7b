"""How many bytes each table of the warehouse takes on its disk."""

from __future__ import annotations

from collections.abc import Collection

from ingestion.warehouse.names import quote
from ingestion.warehouse.session import Session

_POSTGRES = """
select n.nspname, c.relname, pg_total_relation_size(c.oid)::bigint
from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm')
"""
_BLOCK_BYTES = 262_144
# A block that several tables share is a part of each.
_SHARES = f"""
with blocks as (
    select distinct number, unnest(list_append(coalesce(additional_block_ids, []), block_id)) as block_id from ({{}})
), parts as (
    select number, {_BLOCK_BYTES}.0 / count(*) over (partition by block_id) as part from blocks where block_id >= 0
)
select number, round(sum(part))::bigint from parts group by number
"""


def table_bytes(session: Session, schemas: Collection[str], *, postgres: bool) -> dict[tuple[str, str], int]:
    """Give bytes by (schema, table) in the named schemas; a view takes none and is not listed.

    Postgres counts indexes and TOAST. In DuckDB small tables share blocks of 256 KiB and each has its part of them, so
    that the sum is that of the file; what no checkpoint has written yet takes nothing. Reads metadata, 2 ms a table.
    """
    if postgres:
        return {(schema, name): size for schema, name, size in session.execute(_POSTGRES) if schema in schemas}
    tables = [
        (schema, name)
        for schema, name in session.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
        )
        if schema in schemas
    ]
    if not tables:
        return {}
    segments = " union all ".join(
        f"select {number} as number, block_id, additional_block_ids from pragma_storage_info({_text(schema, name)})"
        for number, (schema, name) in enumerate(tables)
    )
    found = dict(session.execute(_SHARES.format(segments)))
    return {table: int(found.get(number, 0)) for number, table in enumerate(tables)}


def _text(schema: str, name: str) -> str:
    return "'" + f"{quote(schema)}.{quote(name)}".replace("'", "''") + "'"
