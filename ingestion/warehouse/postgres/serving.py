"""Publish a Postgres warehouse's models: copies in the schema `serving`, swapped whole for those of before.

Readers ask `serving`, so that they see whole builds (design law 9). The copies are made in a shadow schema; one
transaction gives it the name. Nobody waits: a query that was begun goes on in the schema of before, which is dropped
when no query holds it, by this publication or a later one. A copy has the row security, the policies and the privileges
of its model before anyone can see it; what roles might do with the schema and tables of before is carried over.

The caller holds the lease. Costs a read and a write of every published row.
"""

import contextlib
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from ingestion.errors import PublishError
from ingestion.failpoints import reach
from ingestion.warehouse.names import quote

SERVING: Final = "serving"
NEXT: Final = "_serving_next"
_BEFORE: Final = "_serving_before_"
_DROP_SECONDS: Final = 2
_GRANTS: Final = """
with grants as (
    select 'schema ' || quote_ident($2) as what, g.grantee, g.privilege_type
    from pg_namespace as n cross join aclexplode(n.nspacl) as g
    where n.nspname = $1 and g.grantee <> n.nspowner
    union all
    select format('table %I.%I', $2, c.relname), g.grantee, g.privilege_type
    from pg_class as c cross join aclexplode(c.relacl) as g
    where c.relnamespace = $1::regnamespace and c.relkind = 'r' and g.grantee <> c.relowner
        and exists (select from pg_class as n where n.relnamespace = $2::regnamespace and n.relname = c.relname)
)
select format('grant %s on %s to %s', privilege_type, what, coalesce(quote_ident(rolname), 'public'))
from grants left join pg_roles on pg_roles.oid = grantee
"""
# What a copy lacks of its model: statements, $1 and $2 the model, $3 the copy.
_PROTECTION: Final = """
select format('alter table %s enable row level security', $3::text) from pg_tables
where schemaname = $1 and tablename = $2 and rowsecurity
union all
select format('create policy %I on %s as %s for %s to %s', policyname, $3::text, permissive, cmd,
        (select string_agg(quote_ident(role), ', ') from unnest(roles) as role))
    || coalesce(' using (' || qual || ')', '') || coalesce(' with check (' || with_check || ')', '')
from pg_policies where schemaname = $1 and tablename = $2
union all
select format('grant %s on table %s to %s', privilege_type, $3::text, coalesce(quote_ident(rolname), 'public'))
from pg_class as c cross join aclexplode(c.relacl) as g left join pg_roles on pg_roles.oid = g.grantee
where c.relnamespace = quote_ident($1)::regnamespace and c.relname = $2 and g.grantee <> c.relowner
"""


@dataclass(frozen=True, slots=True)
class ServingReport:
    """What was published."""

    tables: int
    rows: int
    seconds: float


def publish_serving(connection: psycopg.Connection[Any], relations: Collection[tuple[str, str]]) -> ServingReport:
    """Publish relations (schema, name) under their names in `serving`. Raises PublishError; readers then keep the old.

    `connection` is in autocommit mode. Names must differ from each other whatever their schema.
    """
    began = time.monotonic()
    names = [name for _, name in relations]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise PublishError(f"two models are named {twice!r}, and {SERVING!r} has one schema for all; rename one")
    try:
        sweep(connection)
        with connection.transaction():
            connection.execute(f"create schema {NEXT}")
            rows = sum(_copy(connection, schema, name) for schema, name in relations)
        reach("serving.before_swap")
        swap(connection)
        reach("serving.after_swap")
        sweep(connection)
    except psycopg.Error as error:
        raise PublishError(
            f"cannot publish to the schema {SERVING!r}: {str(error).splitlines()[0]}; readers have what was before"
        ) from error
    return ServingReport(len(names), rows, time.monotonic() - began)


def swap(connection: psycopg.Connection[Any]) -> None:
    """Give the shadow the name that readers ask, with what roles might do with the old one, in one transaction."""
    with connection.transaction():
        if connection.execute("select 1 from pg_namespace where nspname = $1", [SERVING]).fetchone():
            _carry_grants(connection)
            connection.execute(f"alter schema {SERVING} rename to {_BEFORE}{time.time_ns()}")
        connection.execute(f"alter schema {NEXT} rename to {SERVING}")


def _copy(connection: psycopg.Connection[Any], schema: str, name: str) -> int:
    target = f"{NEXT}.{quote(name)}"
    rows = connection.execute(f"create table {target} as table {quote(schema)}.{quote(name)}".encode()).rowcount
    connection.execute(f"analyze {target}".encode())
    for (statement,) in connection.execute(_PROTECTION, [schema, name, target]).fetchall():
        connection.execute(statement)
    return rows


def _carry_grants(connection: psycopg.Connection[Any]) -> None:
    """Give the new schema and its tables the privileges that those they replace have."""
    for (grant,) in connection.execute(_GRANTS, [SERVING, NEXT]).fetchall():
        connection.execute(grant)


def sweep(connection: psycopg.Connection[Any]) -> None:
    """Drop what former publications left, unless some query goes on in it: then the next one does."""
    found = connection.execute(
        "select nspname from pg_namespace where nspname = $1 or starts_with(nspname, $2)", [NEXT, _BEFORE]
    ).fetchall()
    for (schema,) in found:
        with contextlib.suppress(psycopg.errors.LockNotAvailable), connection.transaction():
            connection.execute(f"set local lock_timeout = '{_DROP_SECONDS}s'")
            connection.execute(f"drop schema {quote(schema)} cascade".encode())
