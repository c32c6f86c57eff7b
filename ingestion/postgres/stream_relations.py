"""Join what the stream says of a relation with what the catalog knows.

The message tells the past, the catalog the present. When the two disagree (the table changed again since, or is
gone) the message wins: attribute numbers are then unknown (0) and the next Relation message is looked up again.
"""

from typing import Any

import psycopg

from ingestion.postgres.catalog import describe
from ingestion.postgres.pgoutput import Column, Relation, RelationMessage

_TYPES = """
with recursive base as (
    select oid as declared, oid, typtype, typbasetype, typtypmod, typname from pg_type where oid = any(%s)
    union all
    select base.declared, t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typname
    from base join pg_type t on t.oid = base.typbasetype where base.typtype = 'd'
)
select declared, typname, typtype, format_type(declared, null) from base where typtype <> 'd'
"""


def relation_of_message(connection: psycopg.Connection[Any], message: RelationMessage) -> Relation:
    """Describe the relation of a message as fully as the catalog allows. Reads the catalog only."""
    known = describe(connection, [message.oid]).get(message.oid)
    if known is not None and known.agrees_with(message):
        return known
    types = {
        oid: (name, kind, declared)
        for oid, name, kind, declared in connection.execute(_TYPES, ([oid for _, oid in message.columns],))
    }
    # A column that still has its name and type is the same one; the others may have been renamed or re-made since.
    attnums = {(c.name, c.type_oid): c.attnum for c in known.columns} if known is not None else {}
    columns = tuple(
        Column(name, attnums.get((name, oid), 0), oid, *_type(types.get(oid))) for name, oid in message.columns
    )
    key = () if message.identity in "fn" else message.flagged
    if known is not None and message.identity == "f" and set(known.key) <= {name for name, _ in message.columns}:
        key = known.key
    return Relation(message.oid, message.schema, message.name, message.identity, columns, key)


def _type(known: tuple[str, str, str] | None) -> tuple[str, str, int, str]:
    """Base type, kind, modifier and declared name; a type that is gone falls back to text."""
    if known is None:
        return "text", "b", -1, "text"
    name, kind, declared = known
    return name, kind, -1, declared
