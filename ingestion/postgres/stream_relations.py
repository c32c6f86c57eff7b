"""Join what the stream says of a relation with what the catalog knows.

The message tells the past, the catalog the present. When the two disagree (the table changed again since, or is
gone) the message wins: attribute numbers are then unknown (0) and the next Relation message is looked up again.

A transaction is in the WAL a moment before sessions see it (with synchronous standbys: until they have it, too). So the
catalog may also be behind the message, and is then asked again for a while.
"""

import time
from dataclasses import replace
from typing import Any, Final

import psycopg

from ingestion.postgres.pgoutput import Column, Relation, RelationMessage
from ingestion.postgres.published import describe_published

# A type that is gone falls back to text.
_GONE: Final = ("text", "b", -1, "text")
_SETTLE_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 0.005
_XIDS: Final = 1 << 32
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


def relation_of_message(
    connection: psycopg.Connection[Any], publication: str, message: RelationMessage, xid: int
) -> Relation:
    """Describe the relation of a message of a transaction as fully as the catalog allows. Reads the catalog only."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        unseen = _unseen(connection, xid)
        known = describe_published(connection, publication, [message.oid]).get(message.oid)
        if known is not None and known.agrees_with(message):
            return known
        if not unseen or time.monotonic() > deadline:
            break
        time.sleep(_PAUSE_SECONDS)
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
    elif known is not None and set(known.key) == set(key):
        key = known.key  # in the index's order
    return Relation(message.oid, message.schema, message.name, message.identity, tuple(columns), key)


def _unseen(connection: psycopg.Connection[Any], xid: int) -> bool:
    """Whether sessions do not see yet what a transaction did that the stream told of. `xid` has 32 bits."""
    row = connection.execute("select pg_current_snapshot()::text").fetchone()
    assert row is not None
    _, ceiling, running = row[0].split(":")
    begun_later = (xid - int(ceiling)) % _XIDS < _XIDS // 2
    return begun_later or xid in {int(other) % _XIDS for other in running.split(",") if other}
