"""Describe relations from the catalog: columns with their base types, and what identifies a row.

The catalog tells the present, the stream tells the past: whoever joins the two must check that they agree
(`Relation.agrees_with`) before it believes the catalog.
"""

from collections.abc import Sequence
from typing import Any

import psycopg

from ingestion.postgres.pgoutput import Column, Relation

# Columns that pgoutput sends: neither dropped nor generated (manual 29.6, "Generated Column Replication": off by
# default). Domains are followed to their base type, whose modifier counts where the column itself has none. What older
# rows have in a new column is kept by the partitions, not by their root.
_COLUMNS = """
with recursive base as (
    select oid as declared, oid, typtype, typbasetype, typtypmod, typname from pg_type
    union all
    select base.declared, t.oid, t.typtype, t.typbasetype,
        case when base.typtypmod = -1 then t.typtypmod else base.typtypmod end, t.typname
    from base join pg_type t on t.oid = base.typbasetype where base.typtype = 'd'
), part as (
    select oid as root, oid from pg_class where oid = any(%(oids)s) and relkind = 'p'
    union all
    select part.root, i.inhrelid from part join pg_inherits i on i.inhparent = part.oid
)
select a.attrelid, a.attname, a.attnum, a.atttypid, b.typname, b.typtype,
    case when a.atttypmod <> -1 then a.atttypmod when d.typtype = 'd' then d.typtypmod else -1 end,
    format_type(a.atttypid, a.atttypmod), a.attnotnull,
    case when a.atthasmissing then array_to_string(a.attmissingval, '') else (
        select min(array_to_string(l.attmissingval, '')) from part join pg_attribute l on l.attrelid = part.oid
        where part.root = a.attrelid and l.attname = a.attname and l.atthasmissing and not l.attislocal
    ) end
from pg_attribute a
join base b on b.declared = a.atttypid and b.typtype <> 'd'
join pg_type d on d.oid = a.atttypid
where a.attrelid = any(%(oids)s) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
order by a.attrelid, a.attnum
"""

# What identifies a row: the replica identity's index, or the primary key where the identity is the default or the
# whole row. A deferrable key is no replica identity (manual, ALTER TABLE, "REPLICA IDENTITY").
_RELATIONS = """
select c.oid, n.nspname, c.relname, c.relreplident::text,
    coalesce((
        select array_agg(a.attname::text order by k.place)
        from pg_index i
        cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indimmediate and i.indisvalid and k.place <= i.indnkeyatts
            and case when c.relreplident = 'i' then i.indisreplident else i.indisprimary end
    ), '{}'::text[])
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.oid = any(%s)
"""


def describe(connection: psycopg.Connection[Any], oids: Sequence[int]) -> dict[int, Relation]:
    """Describe relations by OID; those that are gone are left out. Reads the catalog only."""
    wanted = list(oids)
    columns: dict[int, list[Column]] = {}
    for oid, name, attnum, type_oid, base, kind, typmod, declared, not_null, missing in connection.execute(
        _COLUMNS, {"oids": wanted}
    ):
        columns.setdefault(oid, []).append(
            Column(name, attnum, type_oid, base, kind, typmod, declared, not_null, missing)
        )
    return {
        oid: Relation(oid, schema, name, identity, tuple(columns.get(oid, ())), tuple(key))
        for oid, schema, name, identity, key in connection.execute(_RELATIONS, (wanted,))
    }


def types_with_own_text_cast(connection: psycopg.Connection[Any]) -> frozenset[int]:
    """OIDs of types whose cast to text is not their output function (bool, bpchar, inet, ...).

    For all other types `::text` is the output function, which is what the stream sends (manual, CREATE CAST,
    "I/O conversion casts").
    """
    rows = connection.execute("select castsource from pg_cast where casttarget = 'text'::regtype and castmethod = 'f'")
    return frozenset(row[0] for row in rows)
