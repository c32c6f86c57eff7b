"""What a publication lets out of each table: the columns of its list and the rows of its filter (Postgres 15+).

Copies read just that, the stream sends just that, and whoever compares must read the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import psycopg

from ingestion.postgres.catalog import describe
from ingestion.postgres.pgoutput import Relation

# The server version from which on publications hold whole schemas, and single columns and rows of tables.
LISTS_PUBLISHED: Final = 150_000
# A filter means nothing where the table's schema is published as well (manual, CREATE PUBLICATION, "FOR TABLES IN
# SCHEMA"); a list cannot stand beside one.
_LISTS: Final = """
select r.prrelid, (select array_agg(n) from unnest(r.prattrs::int2[]) as n),
    case when not exists (
        select from pg_publication_namespace s where s.pnpubid = p.oid and s.pnnspid = c.relnamespace
    ) then pg_get_expr(r.prqual, r.prrelid) end
from pg_publication_rel r join pg_publication p on p.oid = r.prpubid join pg_class c on c.oid = r.prrelid
where p.pubname = %s and r.prrelid = any(%s) and (r.prattrs is not null or r.prqual is not null)
"""


@dataclass(frozen=True, slots=True)
class Lists:
    """Attribute numbers of the published columns (None: all) and the condition of the published rows (empty: all)."""

    columns: frozenset[int] | None = None
    rows: str = ""


def read_lists(connection: psycopg.Connection[Any], publication: str, oids: Sequence[int]) -> dict[int, Lists]:
    """Read them by OID; of a table that is published whole there is no entry. Reads the catalog only."""
    if connection.info.server_version < LISTS_PUBLISHED:
        return {}
    return {
        oid: Lists(frozenset(columns) if columns is not None else None, rows or "")
        for oid, columns, rows in connection.execute(_LISTS, (publication, list(oids)))
    }


def describe_published(
    connection: psycopg.Connection[Any], publication: str, oids: Sequence[int]
) -> dict[int, Relation]:
    """Describe relations by OID as the publication lets them out; those that are gone are left out."""
    relations = describe(connection, oids)
    for oid, lists in read_lists(connection, publication, oids).items():
        if oid in relations:
            relations[oid] = narrowed(relations[oid], lists)
    return relations


def narrowed(relation: Relation, lists: Lists) -> Relation:
    """Leave of a relation what is published."""
    if lists.columns is None:
        return replace(relation, rows=lists.rows)
    kept = tuple(column for column in relation.columns if column.attnum in lists.columns)
    names = {column.name for column in kept}
    return replace(
        relation,
        columns=kept,
        key=relation.key if names.issuperset(relation.key) else (),
        rows=lists.rows,
        left_out=tuple(column.name for column in relation.columns if column.name not in names),
    )
