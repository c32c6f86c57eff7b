"""Drift: what becomes of the source's tables and publication without a word of it in the stream.

The stream tells of rows, TRUNCATE, and a table's shape once a row of it follows. It is silent about a publication that
is dropped or changed (from Postgres 18 on it just streams nothing), rewrites, partitions that come and go, columns that
change while no row does, and tables that are made, dropped or renamed. So the catalog is looked at again and again, and
each sight is held against the one before, which outlives the process in `catalog.json`:

    the publication is another or was altered     a gap: the next start copies all tables
    a table left the publication for a while,     it is copied again
      has new storage with no TRUNCATE in the
      stream, another name, other partitions,
      a column of the same name anew, or
      another key than the stream tells
    its columns or its key changed                the log is told its shape, where no row tells it
    a new table matches the selection             it is published and copied

A sight is judged only when the stream has come to where the WAL ended then: only then is known which TRUNCATEs and
which shapes it told itself. One gap is left: a rewrite that leaves all columns what they were, of a table that was
truncated since the last sight, passes for the TRUNCATE.
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from ingestion.durable import sync
from ingestion.log.directory import open_private
from ingestion.postgres.incarnation import Files, read_files
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.publication import read_members, read_publication
from ingestion.postgres.published import describe_published
from ingestion.postgres.slot import current_lsn

logger = logging.getLogger(__name__)

# Rows that were in a partition before it was attached; those of its own transaction count as such.
_OLD_ROWS: Final = "select exists (select from only {} where age(xmin) >= %s)"
# A leaf has joined when the last of its ancestors has.
_JOINED: Final = """
with recursive up as (
    select inhparent, age(xmin) as age from pg_inherits where inhrelid = %(leaf)s
    union all
    select i.inhparent, age(i.xmin) from up join pg_inherits i on i.inhrelid = up.inhparent
)
select n.nspname, c.relname, (select min(age) from up)
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = %(leaf)s
"""


@dataclass(frozen=True, slots=True)
class SeenTable:
    """A published table as the catalog showed it: its entry in the publication, its storage, its shape."""

    member: str
    files: Files
    relation: Relation


@dataclass(frozen=True, slots=True)
class Sight:
    """What the catalog showed when the WAL ended between `since` and `lsn`."""

    epoch: int
    since: int
    lsn: int
    publication: str | None
    tables: Mapping[int, SeenTable]

    @classmethod
    def take(cls, connection: psycopg.Connection[Any], epoch: int, publication: str, oids: list[int]) -> Self:
        """Look at the publication and these tables of it."""
        since = current_lsn(connection)
        name, members = read_publication(connection, publication), read_members(connection, publication)
        relations, files = describe_published(connection, publication, oids), read_files(connection, oids)
        tables = {
            oid: SeenTable(members[oid], files[oid], relation) for oid, relation in relations.items() if oid in members
        }
        return cls(epoch, since, current_lsn(connection), name, tables)

    def to_bytes(self) -> bytes:
        """Encode for `catalog.json`."""
        fields = asdict(self)
        for oid, table in self.tables.items():
            fields["tables"][oid]["relation"] = table.relation.to_bytes().decode()
        return json.dumps(fields, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Decode from `catalog.json`."""
        fields = json.loads(raw)
        tables = {
            int(oid): SeenTable(
                table["member"],
                tuple((part, file) for part, file in table["files"]),
                Relation.from_bytes(table["relation"].encode()),
            )
            for oid, table in fields.pop("tables").items()
        }
        return cls(**fields, tables=tables)


def read_sight(path: Path) -> Sight | None:
    """Read the last sight that was acted upon; None when there is none, or none that can be read."""
    try:
        return Sight.from_bytes(path.read_bytes())
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write_sight(path: Path, sight: Sight) -> None:
    """Replace the last sight; durable when this returns."""
    fresh = path.with_suffix(".tmp")
    with os.fdopen(open_private(fresh, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(sight.to_bytes())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync(path.parent)


def why_copy(
    connection: psycopg.Connection[Any], before: SeenTable, after: SeenTable, told: Relation, *, truncated: bool
) -> str | None:
    """Say why a table must be copied again; None when the stream has told, or will tell, all. May read partitions.

    `told` is the shape by which the stream's rows are read, as far as it came.
    """
    if before.member != after.member:
        return "it was not published for a while, or is published otherwise now"
    if before.relation.source != after.relation.source:
        return "it was renamed"
    if _made_again(before.relation, after.relation):
        return "a column was dropped and made again"
    if any(_has_another_untold_key(before.relation, now) for now in (after.relation, told)):
        return "it has another key, which the stream does not tell"
    old, new = dict(before.files), dict(after.files)
    if gone := [oid for oid in old if oid not in new]:
        return f"{len(gone)} partitions are gone"
    # Of a partitioned table each partition may have been truncated alone after that, which is in no stream.
    excused = truncated and before.relation.columns == after.relation.columns and old.keys() <= {after.relation.oid}
    if not excused and any(new[oid] != file for oid, file in old.items()):
        return "it was rewritten, or a partition truncated"
    if any(_joined_with_rows(connection, oid) for oid in new if oid not in old):
        return "partitions were attached"
    return None


def _has_another_untold_key(before: Relation, after: Relation) -> bool:
    """Whether rows of before may have been told apart by the key of after: with a full identity none is streamed."""
    return "f" in (before.identity, after.identity) and set(before.key) != set(after.key)


def _made_again(before: Relation, after: Relation) -> bool:
    """Whether a column gave name and type to another: the stream does not tell the one's values from the other's."""
    numbers = {(column.name, column.type_oid): column.attnum for column in before.columns}
    return any(numbers.get((c.name, c.type_oid), c.attnum) not in (0, c.attnum) for c in after.columns)


def _joined_with_rows(connection: psycopg.Connection[Any], partition: int) -> bool:
    """Whether a partition brought rows along; later ones are in the stream."""
    row = connection.execute(_JOINED, {"leaf": partition}).fetchone()
    if row is None or row[2] is None:
        return True
    schema, name, age = row
    try:
        found = connection.execute(sql.SQL(_OLD_ROWS).format(sql.Identifier(schema, name)), (age,)).fetchone()
    except (
        psycopg.errors.InsufficientPrivilege,  # the right to read a table is not one to read its partitions
        psycopg.errors.UndefinedTable,
        psycopg.errors.LockNotAvailable,
        psycopg.errors.QueryCanceled,
    ):
        return True
    return found is None or bool(found[0])
