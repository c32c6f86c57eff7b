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


def ensure_publication(connection: psycopg.Connection[Any], name: str, tables: Sequence[TableRef]) -> list[TableRef]:
    """Create the publication, or add what a publication of ours lacks; return the tables that it now holds.

    Takes SHARE UPDATE EXCLUSIVE locks on added tables, which block neither reads nor writes.
    """
    row = connection.execute(
        "select obj_description(oid, 'pg_publication') from pg_publication where pubname = %s", (name,)
    ).fetchone()
    identifier = sql.Identifier(name)
    if row is None:
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
    if row[0] == MARK and (lacking := [table for table in tables if table.oid not in published]):
        listed = _listed(lacking)
        connection.execute(sql.SQL("alter publication {} add table {}").format(identifier, listed))
        published = published_oids(connection, name)
    return [table for table in tables if table.oid in published]


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
    rows = connection.execute(
        "select format('%%I.%%I', schemaname, tablename)::regclass::oid from pg_publication_tables where pubname = %s",
        (name,),
    )
    return {row[0] for row in rows}


def _listed(tables: Sequence[TableRef]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table.schema, table.name) for table in tables)
