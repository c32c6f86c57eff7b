"""Mirrors and histories as Postgres tables.

A mirror has a unique index on its key: the loader finds its rows by it, and no row can be in it twice. Views that stand
in the way of a change (Postgres ties them to the columns they read) are dropped; the next build makes them again.
"""

import logging
from typing import Final

from ingestion.errors import LoadError
from ingestion.warehouse.machinery import Machinery
from ingestion.warehouse.names import quote
from ingestion.warehouse.postgres.session import PostgresSession
from ingestion.warehouse.table import Table

logger = logging.getLogger(__name__)

NAME_BYTES: Final = 63
_COUNTED_BYTES: Final = 8 * 2**20  # a mirror up to this size is counted: some milliseconds
# As the planner does it: rows a page when the mirror was last analyzed, times the pages of now.
_ABOUT: Final = """
select case when reltuples >= 0 and pg_relation_size(oid) > $2
    then (reltuples / nullif(relpages, 0) * (pg_relation_size(oid) / current_setting('block_size')::int))::bigint end
from pg_class where oid = to_regclass($1)
"""
_MACHINERY: Final = "_op text, _epoch bigint, _lsn bigint, _seq bigint, _commit_at timestamptz"
_INDEXES: Final = """
create unique index if not exists positions_consumer on _flux.positions (consumer);
create index if not exists clock_place on _flux.clock (_epoch, _lsn);
create index if not exists clock_time on _flux.clock (clock_at);
create index if not exists clock_commit on _flux.clock (commit_at)
"""
# Which clients' rows a role reads of the models (docs/tenants.md): the policies of every model ask this table, as the
# role that reads, which sees its own lines alone. A line without a client has to say that it means all of them.
CLIENT_READERS: Final = """
create table _flux.client_readers (
    role_name text not null, client_id bigint, all_clients boolean not null default false,
    check (all_clients = (client_id is null)), unique (role_name, client_id)
);
alter table _flux.client_readers enable row level security;
create policy own_lines on _flux.client_readers for select using (
    exists (select from pg_roles where rolname = role_name and pg_has_role(oid, 'usage'))
)
"""


class PostgresMachinery(Machinery):
    """`_flux` in Postgres: the same tables, indexes for what a batch asks of them, and who reads whose rows."""

    def __init__(self, session: PostgresSession) -> None:
        super().__init__(session, "bytea")

    def ensure(self) -> None:
        super().ensure()
        self.session.execute(_INDEXES)
        if not self.session.columns("_flux", "client_readers"):
            self.session.execute(CLIENT_READERS)


def create_relations(session: PostgresSession, table: Table) -> None:
    """Create the mirror anew, without its index, and the history where one is kept and it is missing."""
    session.execute(f"create schema if not exists {quote(table.mirror_schema)}")
    columns = column_definitions(table)
    drop_views(session, table.mirror_schema, table.name)
    session.execute(f"drop table if exists {table.mirror}")
    session.execute(f"create table {table.mirror} ({', '.join(columns)})")
    if table.has_history:
        session.execute(f"create schema if not exists {quote(table.history_schema)}")
        session.execute(f"create table if not exists {table.history} ({', '.join([*columns, _MACHINERY])})")


def create_key(session: PostgresSession, table: Table) -> None:
    """Give the mirror the index of its key, in place of another."""
    rows = session.execute(
        "select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indrelid "
        "join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2",
        [table.mirror_schema, table.name],
    )
    for (name,) in rows:
        session.execute(f"drop index {name}")
    if table.key:
        keys = ", ".join(quote(table.columns[i].name) for i in table.key)
        session.execute(f"create unique index on {table.mirror} ({keys})")


def count(session: PostgresSession, table: Table) -> int:
    """Count a mirror's rows, all of which the server reads."""
    return int(session.execute(f"select count(*) from {table.mirror}")[0][0])


def about(session: PostgresSession, table: Table) -> int:
    """Say how many rows a mirror has: counted where it is small or was never analyzed, else as the planner thinks."""
    ((known,),) = session.execute(_ABOUT, [table.mirror, _COUNTED_BYTES])
    return count(session, table) if known is None else int(known)


def drop_views(session: PostgresSession, schema: str, name: str) -> None:
    """Drop the views that read a table, and those that read them. Raises LoadError for one of another role."""
    views = session.execute(
        """
        select distinct quote_ident(w.nspname) || '.' || quote_ident(v.relname), v.relkind,
            case when not pg_has_role(v.relowner, 'usage') then v.relowner::regrole::text end, quote_ident(current_user)
        from pg_class as t join pg_namespace as n on n.oid = t.relnamespace
        join pg_depend as d on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid
            and d.classid = 'pg_rewrite'::regclass
        join pg_rewrite as r on r.oid = d.objid join pg_class as v on v.oid = r.ev_class and v.oid <> t.oid
        join pg_namespace as w on w.oid = v.relnamespace
        where n.nspname = $1 and t.relname = $2
        """,
        [schema, name],
    )
    for view, kind, other, loader in views:
        if other is not None:
            raise LoadError(
                f"view {view} keeps {schema}.{name} from being changed and belongs to role {other}; drop it, or run: "
                f"grant {other} to {loader}; then copy the table anew: flux replicate --again SCHEMA.TABLE"
            )
        logger.warning(
            "view dropped, its table changes; build the models again view=%s table=%s.%s", view, schema, name
        )
        session.execute(f"drop {'materialized view' if kind in ('m', b'm') else 'view'} if exists {view} cascade")


def column_definitions(table: Table) -> list[str]:
    """Columns with their types, siblings included."""
    found = []
    for column in table.columns:
        found.append(f"{quote(column.name)} {column.type}")
        if column.has_text:
            found.append(f"{quote(column.text_name)} text")
    return found


def column_names(table: Table) -> list[str]:
    """Quoted column names, siblings included, in the order of `column_definitions`."""
    return [
        quote(name)
        for column in table.columns
        for name in ((column.name, column.text_name) if column.has_text else (column.name,))
    ]


def column_list(table: Table) -> str:
    """The names as a list in SQL."""
    return ", ".join(column_names(table))
