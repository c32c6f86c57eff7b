"""Incarnations: which storage a table has at a moment, its partitions' included.

TRUNCATE and everything that rewrites a table give it new storage (pg_class.relfilenode), so two reads of a table that
find the same incarnation have the same rows but for what INSERT, UPDATE and DELETE did between them. Rewrites and the
comings and goings of partitions are in no stream (manual 29.8): only this tells of them.
"""

from collections.abc import Sequence
from typing import Any, Final

import psycopg

Files = tuple[tuple[int, int], ...]

_FILES: Final = """
with recursive part as (
    select oid as root, oid from unnest(%s::oid[]) as oid
    union all
    select part.root, i.inhrelid
    from part join pg_inherits i on i.inhparent = part.oid join pg_class c on c.oid = i.inhrelid
    where c.relispartition and not i.inhdetachpending
)
select part.root, c.oid, c.relfilenode
from part join pg_class c on c.oid = part.oid
where c.relkind = 'r'
order by 1, 2
"""


def read_files(connection: psycopg.Connection[Any], oids: Sequence[int]) -> dict[int, Files]:
    """Storage by table: (OID, file) of the table itself, or of each of its partitions. Reads the catalog only."""
    found: dict[int, list[tuple[int, int]]] = {oid: [] for oid in oids}
    for root, oid, file in connection.execute(_FILES, (list(oids),)):
        found[root].append((oid, file))
    return {oid: tuple(files) for oid, files in found.items()}
