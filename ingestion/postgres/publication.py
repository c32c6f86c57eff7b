"""The publication: what the source lets out.

Created for the selected tables only, never FOR ALL TABLES (that breaks UPDATE and DELETE of every table without a
replica identity, also of tables created later), and of these for the selected columns and rows where Postgres can do
that. Partitions are published by their root. A publication that was there before Flux is used as it is.

Postgres writes a row filter in its own words. So the publication's comment holds, by table, a hash of the filter as it
was asked for and as Postgres wrote it: where the two no longer go together, the table is published anew.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from ingestion.errors import SourceError
from ingestion.postgres.published import LISTS_PUBLISHED, Lists, read_lists
from ingestion.postgres.tables import TableRef

MARK: Final = "managed by Flux"
# The server version from which on publications hold whole schemas.
SCHEMAS_PUBLISHED: Final = LISTS_PUBLISHED
# pg_publication_tables with the OIDs of its tables. Not by a cast to regclass, which needs the right to use the schema.
PUBLISHED: Final = """
select c.oid, p.* from pg_publication_tables p
join pg_namespace n on n.nspname = p.schemaname join pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
"""


def ensure_publication(connection: psycopg.Connection[Any], name: str, tables: Sequence[TableRef]) -> list[TableRef]:
    """Create the publication, or make one of ours hold just these tables; return those that it now holds.

    A table that lost its replica identity leaves: published, its updates and deletes would fail at the source. One that
    is published with other columns or rows than it should be leaves and comes back in one transaction. Takes SHARE
    UPDATE EXCLUSIVE locks on added tables, which block neither reads nor writes. Raises SourceError for a row filter
    that no publication may have.
    """
    ours = is_ours(connection, name)
    identifier = sql.Identifier(name)
    if ours is None:
        with connection.transaction():
            statement = sql.SQL("create publication {} with (publish_via_partition_root = true)")
            connection.execute(statement.format(identifier))
            connection.execute(sql.SQL("comment on publication {} is {}").format(identifier, sql.Literal(MARK)))
            _add(connection, name, tables, ())
        return list(tables)
    published = published_oids(connection, name)
    if ours:
        stale = stale_oids(connection, name, [table for table in tables if table.oid in published])
        lacking = [table for table in tables if table.oid not in published or table.oid in stale]
        surplus = published - {table.oid for table in tables} | stale
        if surplus or lacking:
            with connection.transaction():
                _drop_members(connection, name, surplus)
                _add(connection, name, lacking, surplus)
        published = published_oids(connection, name)
    return [table for table in tables if table.oid in published]


def is_ours(connection: psycopg.Connection[Any], name: str) -> bool | None:
    """Whether Flux made the publication and may change it, which it may not at a standby; None when there is none."""
    row = connection.execute(
        "select pg_has_role(pubowner, 'usage') and not pg_is_in_recovery() from pg_publication where pubname = %s",
        (name,),
    ).fetchone()
    return bool(row[0]) and _comment(connection, name) is not None if row is not None else None


def stale_oids(connection: psycopg.Connection[Any], name: str, tables: Sequence[TableRef]) -> set[int]:
    """Find which of these tables are published with other columns or rows than are wanted of them."""
    lists = read_lists(connection, name, [table.oid for table in tables])
    filters = _comment(connection, name) or {}
    return {table.oid for table in tables if not _as_wanted(table, lists.get(table.oid, Lists()), filters)}


def creation(name: str, tables: Sequence[TableRef]) -> str:
    """Give the SQL that makes the publication, for people to read and run."""
    members = f"for table {_listed(tables).as_string()} " if tables else ""
    return f"create publication {sql.Identifier(name).as_string()} {members}with (publish_via_partition_root = true)"


def addition(name: str, tables: Sequence[TableRef]) -> str:
    """Give the SQL that adds tables to the publication, for people to read and run."""
    return f"alter publication {sql.Identifier(name).as_string()} add table {_listed(tables).as_string()}"


def exchange(name: str, table: TableRef) -> str:
    """Give the SQL that publishes a table with other columns or rows, for people to read and run."""
    return f"alter publication {sql.Identifier(name).as_string()} drop table {table.quoted}; {addition(name, [table])}"


def _add(connection: psycopg.Connection[Any], name: str, tables: Sequence[TableRef], gone: Collection[int]) -> None:
    """Add tables, and write down how the filters of all but those that are gone were asked for."""
    filters = {oid: known for oid, known in (_comment(connection, name) or {}).items() if oid not in gone}
    if tables:
        try:
            connection.execute(addition(name, tables).encode())
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFunction, psycopg.errors.SyntaxError) as no:
            told = ", ".join(table.source for table in tables if table.rows is not None)
            if not told:
                raise
            raise SourceError(
                f"Postgres takes no such row filter ({no.diag.message_primary}; {no.diag.message_detail or ''}); "
                f"correct 'rows' in the selection, of one of: {told}"
            ) from no
        lists = read_lists(connection, name, [table.oid for table in tables])
        filters |= {t.oid: _filter(t.rows, lists[t.oid].rows) for t in tables if t.rows is not None}
    comment = f"{MARK} {json.dumps(filters)}" if filters else MARK
    statement = sql.SQL("comment on publication {} is {}").format(sql.Identifier(name), sql.Literal(comment))
    connection.execute(statement)


def _as_wanted(table: TableRef, lists: Lists, filters: Mapping[int, str]) -> bool:
    """Whether a table is published with just the columns and rows that are wanted of it."""
    wanted = frozenset(table.numbers) if table.numbers is not None else None
    if lists.columns != wanted or bool(lists.rows) != (table.rows is not None):
        return False
    return table.rows is None or filters.get(table.oid) == _filter(table.rows, lists.rows)


def _filter(asked: str, written: str) -> str:
    return hashlib.sha256(f"{asked}\0{written}".encode()).hexdigest()[:16]


def _comment(connection: psycopg.Connection[Any], name: str) -> dict[int, str] | None:
    """Read the hashes of filters that the comment of a publication of Flux's own holds; None: it is another's."""
    row = connection.execute(
        "select obj_description(oid, 'pg_publication') from pg_publication where pubname = %s", (name,)
    ).fetchone()
    mark, _, told = str(row[0] if row is not None else "").partition(" {")
    if mark != MARK:
        return None
    return {int(oid): str(known) for oid, known in json.loads(f"{{{told}").items()} if told else {}


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
    return sql.SQL(", ").join(_member(table) for table in tables)


def _member(table: TableRef) -> sql.Composed:
    member = sql.SQL("{}").format(sql.Identifier(table.schema, table.name))
    if table.columns is not None:
        member += sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, table.columns)))
    if table.rows is not None:
        member += sql.SQL(" where ({})").format(sql.SQL(table.rows))  # the operator's own SQL
    return member
