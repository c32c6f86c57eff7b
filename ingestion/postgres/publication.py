"""The publication: what the source lets out.

Created for the selected tables only, never FOR ALL TABLES (that breaks UPDATE and DELETE of every table without a
replica identity, also of tables created later). Partitions are published by their root. A publication that was there
before Flux is used as it is.
"""

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from ingestion.errors import SourceError
from ingestion.postgres.tables import TableRef

MARK: Final = "managed by Flux"
# The server version from which on publications hold whole schemas.
SCHEMAS_PUBLISHED: Final = 150_000
# pg_publication_tables with the OIDs of its tables. Not by a cast to regclass, which needs the right to use the schema.
PUBLISHED: Final = """
select c.oid, p.* from pg_publication_tables p
join pg_namespace n on n.nspname = p.schemaname join pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
"""


def ensure_publication(connection: psycopg.Connection[Any], name: str, tables: Sequence[TableRef]) -> list[TableRef]:
    """Create the publication, or make one of ours hold just these tables; return those that it now holds.

    A table that lost its replica identity leaves: published, its updates and deletes would fail at the source. Takes
    SHARE UPDATE EXCLUSIVE locks on added tables, which block neither reads nor writes.
    """
    ours = is_ours(connection, name)
    identifier = sql.Identifier(name)
    if ours is None:
        with connection.transaction():
            if tables:
                listed = _listed(tables)
                statement = sql.SQL("create publication {} for table {} with (publish_via_partition_root = true)")
                connection.execute(statement.format(identifier, listed))
            else:
                statement = sql.SQL("create publication {} with (publish_via_partition_root = true)")
                connection.execute(statement.format(identifier))
            connection.execute(sql.SQL("comment on publication {} is {}").format(identifier, sql.Literal(MARK)))
        return list(tables)
    published = published_oids(connection, name)
    surplus = published - {table.oid for table in tables}
    if ours and surplus:
        _drop_members(connection, name, surplus)
    if ours and (lacking := [table for table in tables if table.oid not in published]):
        listed = _listed(lacking)
        connection.execute(sql.SQL("alter publication {} add table {}").format(identifier, listed))
        published = published_oids(connection, name)
    return [table for table in tables if table.oid in published]


def is_ours(connection: psycopg.Connection[Any], name: str) -> bool | None:
    """Whether Flux made the publication and may change it, which it may not at a standby; None when there is none."""
    row = connection.execute(
        "select obj_description(oid, 'pg_publication') is not distinct from %s and pg_has_role(pubowner, 'usage') "
        "and not pg_is_in_recovery() from pg_publication where pubname = %s",
        (MARK, name),
    ).fetchone()
    return bool(row[0]) if row is not None else None


def publication_exists(connection: psycopg.Connection[Any], name: str) -> bool:
    """Whether the publication is there."""
    return connection.execute("select 1 from pg_publication where pubname = %s", (name,)).fetchone() is not None


def published_oids(connection: psycopg.Connection[Any], name: str) -> set[int]:
    """OIDs of the published tables (roots of partitioned ones). Raises SourceError when the publication is gone.

    From Postgres 18 on a slot streams silently nothing when its publication is missing, so this must be asked before
    an idle position is acknowledged.
    """
    if not publication_exists(connection, name):
        raise SourceError(
            f"publication {name!r} does not exist; changes made without it are lost to the stream. "
            "Run 'flux replicate': it creates the publication and copies the tables anew"
        )
    rows = connection.execute(f"select t.oid from ({PUBLISHED}) as t where t.pubname = %s", (name,))
    return {row[0] for row in rows}


def read_publication(connection: psycopg.Connection[Any], name: str) -> str | None:
    """Tell this publication from any other, and from what it was before it was altered; None when there is none."""
    row = connection.execute("select oid || ':' || xmin from pg_publication where pubname = %s", (name,)).fetchone()
    return row[0] if row is not None else None


def read_members(connection: psycopg.Connection[Any], name: str) -> dict[int, str]:
    """By OID of each published table how it comes to be one: another entry is there when it left and came back."""
    rows = connection.execute(
        "with entry (entry, oid) as (select r.oid, r.prrelid from pg_publication_rel r join pg_publication p "
        "on p.oid = r.prpubid where p.pubname = %(name)s "
        + (
            "union all select n.oid, c.oid from pg_publication_namespace n join pg_publication p on p.oid = n.pnpubid "
            "join pg_class c on c.relnamespace = n.pnnspid where p.pubname = %(name)s"
            if connection.info.server_version >= SCHEMAS_PUBLISHED
            else ""
        )
        + f") select t.oid, coalesce(min(e.entry)::text, 'all') from ({PUBLISHED}) as t "
        "left join entry e on e.oid = t.oid where t.pubname = %(name)s group by 1",
        {"name": name},
    )
    return dict(rows.fetchall())


def _drop_members(connection: psycopg.Connection[Any], name: str, oids: set[int]) -> None:
    names = connection.execute(
        "select n.nspname, c.relname from pg_publication_rel r join pg_publication p on p.oid = r.prpubid "
        "join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = c.relnamespace "
        "where p.pubname = %s and c.oid = any(%s)",
        (name, list(oids)),
    ).fetchall()
    if names:
        listed = sql.SQL(", ").join(sql.Identifier(*pair) for pair in names)
        connection.execute(sql.SQL("alter publication {} drop table {}").format(sql.Identifier(name), listed))


def _listed(tables: Sequence[TableRef]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table.schema, table.name) for table in tables)
