"""The wire format: whether a stream's values come as text or in Postgres' binary form.

Binary is for the whole stream or not at all. So a stream is text while a table is published of which some column's
binary form is not read: composites, types of extensions, ranges that somebody defined, arrays of such and of enums,
and some types of Postgres' own (docs/replication.md lists them). What the catalog does not show, since the table came
later or is gone again, the stream's Relation message tells; then the stream is begun anew.
"""

import logging
from collections.abc import Collection
from typing import Any, Final

import psycopg

from ingestion.errors import SourceError
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.binary import codec
from ingestion.postgres.publication import published_oids
from ingestion.postgres.published import describe_published
from ingestion.postgres.source import Source, WireFormat

logger = logging.getLogger(__name__)

# A type of another schema than Postgres' own may have the name of one of these, but is another type. Enums are what
# they are in any schema.
_TYPES: Final = """
with recursive base as (
    select oid as declared, oid, typtype, typbasetype, typname, typnamespace from pg_type where oid = any(%s)
    union all
    select base.declared, t.oid, t.typtype, t.typbasetype, t.typname, t.typnamespace
    from base join pg_type t on t.oid = base.typbasetype where base.typtype = 'd'
)
select declared, typname, typtype from base
where typtype <> 'd' and (typtype = 'e' or typnamespace = 'pg_catalog'::regnamespace)
"""


class UnreadBinaryError(SourceError):
    """A table's binary form is not read: it has to be streamed as text."""


def choose_wire(connection: psycopg.Connection[Any], source: Source) -> WireFormat:
    """Choose the format for all that is published now: what the source is set to, or text."""
    if source.wire == "text":
        return "text"
    oids = sorted(published_oids(connection, source.publication))
    published = describe_published(connection, source.publication, oids)
    for table, column in unread_columns(connection, published.values()).items():
        logger.warning("values are streamed as text, not in binary table=%s column=%s", table, column)
        return "text"
    return "binary"


def require_read(connection: psycopg.Connection[Any], relation: Relation) -> None:
    """Raise UnreadBinaryError when a column's binary form is not read."""
    for table, column in unread_columns(connection, [relation]).items():
        raise UnreadBinaryError(f"column {column!r} of {table!r} is not read in binary")


def unread_columns(connection: psycopg.Connection[Any], relations: Collection[Relation]) -> dict[str, str]:
    """Tables with a column whose binary form is not read, and the first such one. One query.

    A type that is gone by now is not read, either.
    """
    oids = {column.type_oid for relation in relations for column in relation.columns}
    known = connection.execute(_TYPES, (list(oids),)).fetchall()
    unread = oids - {declared for declared, name, kind in known if codec(name, kind) is not None}
    return {
        relation.source: next(column.name for column in relation.columns if column.type_oid in unread)
        for relation in relations
        if unread.intersection(column.type_oid for column in relation.columns)
    }
