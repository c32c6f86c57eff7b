"""Join what the stream says of a relation with what the catalog knows.

The message tells the past, the catalog the present. When the two disagree (the table changed again since, or is
gone) the message wins: attribute numbers are then unknown (0) and the next Relation message is looked up again.
"""

from dataclasses import replace
from typing import Any, Final

import psycopg

from ingestion.postgres.catalog import describe
from ingestion.postgres.pgoutput import Column, Relation, RelationMessage

# A type that is gone falls back to text.
_GONE: Final = ("text", "b", -1, "text")
_TYPES: Final = """
with recursive base as (
    select given.place, oid as declared, given.typmod as given, oid, typtype, typbasetype, typname,
        case when typtype = 'd' then typtypmod else given.typmod end as typmod
    from unnest(%s::oid[], %s::int[]) with ordinality as given (type, typmod, place) join pg_type on oid = given.type
    union all
    select base.place, base.declared, base.given, t.oid, t.typtype, t.typbasetype, t.typname,
        case when base.typmod = -1 and t.typtype = 'd' then t.typtypmod else base.typmod end
    from base join pg_type t on t.oid = base.typbasetype where base.typtype = 'd'
)
select place - 1, typname, typtype, typmod, format_type(declared, given) from base where typtype <> 'd'
"""


def relation_of_message(connection: psycopg.Connection[Any], message: RelationMessage) -> Relation:
    """Describe the relation of a message as fully as the catalog allows. Reads the catalog only."""
    known = describe(connection, [message.oid]).get(message.oid)
    if known is not None and known.agrees_with(message):
        return known
    oids = [oid for _, oid in message.columns]
    types = {
        place: (name, kind, typmod, declared)
        for place, name, kind, typmod, declared in connection.execute(_TYPES, (oids, list(message.typmods)))
    }
    # A column that still has its name and type is the same one; the others may have been renamed or re-made since.
    there = {(c.name, c.type_oid): c for c in known.columns} if known is not None else {}
    columns = []
    for place, (name, oid) in enumerate(message.columns):
        column = Column(name, 0, oid, *types.get(place, _GONE))
        if (same := there.get((name, oid))) is not None:
            column = replace(column, attnum=same.attnum, not_null=same.not_null, missing=same.missing)
        columns.append(column)
    key = () if message.identity in "fn" else message.flagged
    if known is not None and message.identity == "f" and set(known.key) <= {name for name, _ in message.columns}:
        key = known.key
    return Relation(message.oid, message.schema, message.name, message.identity, tuple(columns), key)
