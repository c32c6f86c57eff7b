"""Bring a vendor's objects into `raw_<vendor>`: upsert by key, one file, one transaction, one row of the ledger.

`_flux.vendor_files` remembers each file by the hash of its bytes and of its mapping: the same file twice is a no-op. A
row keeps `_file` and `_loaded_at` of the last file that changed it; `_deleted_at` is set where the mapping says that a
file is all there is and the file lacks the key, and is null again when the key comes back.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ingestion.errors import ImportedFileError
from ingestion.failpoints import reach
from ingestion.load.vendor_files import read_objects
from ingestion.load.vendor_mapping import TYPES, ObjectMapping
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.names import quote
from ingestion.warehouse.session import Session

_LEDGER: Final = """
create table if not exists _flux.vendor_files (
    vendor varchar, object varchar, file varchar, content varchar, mapping varchar, row_count bigint,
    inserted bigint, updated bigint, deleted bigint, loaded_at timestamptz
)
"""
_MACHINERY: Final = {"_file": "varchar", "_loaded_at": "timestamptz", "_deleted_at": "timestamptz"}
_HASHED_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ImportedObjects:
    """What a file brought. `known`: it was imported before, and nothing was done."""

    relation: str
    file: str
    rows: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    known: bool = False

    def to_json(self) -> dict[str, Any]:  # Any: a JSON document
        """The form of `flux events import --json`."""
        return asdict(self)

    def __str__(self) -> str:
        if self.known:
            return f"{self.file}: imported before into {self.relation} (--again reads it)"
        return (
            f"{self.file}: {self.rows:,} rows into {self.relation}: {self.inserted:,} inserted, "
            f"{self.updated:,} updated, {self.deleted:,} deleted"
        )


def import_objects(
    destination: Destination, file: Path, mapping: ObjectMapping, *, again: bool = False, memory_bytes: int = 128 << 20
) -> ImportedObjects:
    """Bring one file in. Raises ImportedFileError, and then nothing has changed."""
    session, relation = destination.machinery.session, f"{mapping.schema}.{mapping.object}"
    content = _hash(file)
    with destination.transaction():
        destination.machinery.ensure()
        session.execute(_LEDGER)
        known = session.execute(
            "select count(*) from _flux.vendor_files "
            "where vendor = $1 and object = $2 and content = $3 and mapping = $4",
            [mapping.vendor, mapping.object, content, mapping.fingerprint],
        )[0][0]
        if known and not again:
            return ImportedObjects(relation, str(file), known=True)
        _ensure(session, mapping)
        rows = _stage(session, file, mapping, memory_bytes)
        found = ImportedObjects(relation, str(file), rows, *_upsert(session, mapping, file.name))
        session.execute(
            "insert into _flux.vendor_files values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())",
            [
                mapping.vendor, mapping.object, file.name, content, mapping.fingerprint,
                rows, found.inserted, found.updated, found.deleted,
            ],
        )  # fmt: skip
        reach("vendor.before_commit")
    return found


def _ensure(session: Session, mapping: ObjectMapping) -> None:
    """Create the table, or add the columns that it lacks. Raises ImportedFileError where a type has changed."""
    wanted = {column.name: TYPES[column.type] for column in mapping.columns} | _MACHINERY
    present = session.columns(mapping.schema, mapping.object)
    if not present:
        session.execute(f"create schema if not exists {quote(mapping.schema)}")
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in wanted.items())
        session.execute(f"create table {_relation(mapping)} ({columns})")
        return
    for name, kind in wanted.items():
        if name not in present:
            session.execute(f"alter table {_relation(mapping)} add column {quote(name)} {kind}")
        elif present[name].casefold() != session.canonical(kind).casefold():
            raise ImportedFileError(
                f"column {name!r} of {mapping.schema}.{mapping.object} is {present[name]}, not {kind} as the mapping "
                "says; give it another name, or drop the table and import its files with --again"
            )


def _stage(session: Session, file: Path, mapping: ObjectMapping, memory_bytes: int) -> int:
    """Bring the file's rows into a temporary table. Raises ImportedFileError when a key stands twice."""
    names = [quote(column.name) for column in mapping.columns]
    session.keep("_incoming", f"select {', '.join(names)} from {_relation(mapping)} where false")
    casts = ", ".join(f"cast({quote(column.name)} as {TYPES[column.type]})" for column in mapping.columns)
    with read_objects(file, mapping, memory_bytes=memory_bytes) as chunks:
        for chunk in chunks:
            session.bring("_rows", chunk)
            session.execute(f"insert into _incoming ({', '.join(names)}) select {casts} from _rows")
            session.forget("_rows")
    key = ", ".join(map(quote, mapping.key))
    rows, keys = session.execute(
        f"select (select count(*) from _incoming), count(*) from (select distinct {key} from _incoming) as k"
    )[0]
    if rows != keys:
        raise ImportedFileError(
            f"{str(file)!r} has {rows} rows and {keys} keys ({', '.join(mapping.key)}); a key may stand once. Nothing "
            "was changed"
        )
    return int(rows)


def _upsert(session: Session, mapping: ObjectMapping, file: str) -> tuple[int, int, int]:
    """Bring the staged rows into the table; how many keys were inserted, updated and deleted."""
    target = _relation(mapping)
    same = " and ".join(f"t.{quote(name)} = i.{quote(name)}" for name in mapping.key)
    values = [column for column in mapping.columns if column.name not in mapping.key]
    # As text: json has no equality in Postgres.
    differs = " or ".join(
        ["t._deleted_at is not null"]
        + [f"cast(t.{quote(c.name)} as varchar) is distinct from cast(i.{quote(c.name)} as varchar)" for c in values]
    )
    updated = _count(session, f"select count(*) from {target} as t join _incoming as i on {same} where {differs}")
    assigned = "".join(f"{quote(column.name)} = i.{quote(column.name)}, " for column in values)
    session.execute(
        f"update {target} as t set {assigned}_deleted_at = null, _file = $1, _loaded_at = now() "
        f"from _incoming as i where {same} and ({differs})",
        [file],
    )
    new = f"not exists (select 1 from {target} as t where {same})"
    inserted = _count(session, f"select count(*) from _incoming as i where {new}")
    names = ", ".join(quote(column.name) for column in mapping.columns)
    session.execute(
        f"insert into {target} ({names}, _file, _loaded_at) select {names}, cast($1 as varchar), now() "
        f"from _incoming as i where {new}",
        [file],
    )
    deleted = 0
    if mapping.absent == "deleted":
        gone = f"t._deleted_at is null and not exists (select 1 from _incoming as i where {same})"
        deleted = _count(session, f"select count(*) from {target} as t where {gone}")
        session.execute(
            f"update {target} as t set _deleted_at = now(), _file = $1, _loaded_at = now() where {gone}", [file]
        )
    return inserted, updated, deleted


def _relation(mapping: ObjectMapping) -> str:
    return f"{quote(mapping.schema)}.{quote(mapping.object)}"


def _count(session: Session, query: str) -> int:
    return int(session.execute(query)[0][0])


def _hash(file: Path) -> str:
    found = hashlib.blake2b(digest_size=16)
    try:
        with file.open("rb") as stream:
            while part := stream.read(_HASHED_BYTES):
                found.update(part)
    except OSError as error:
        raise ImportedFileError(f"cannot read {str(file)!r} ({error.strerror})") from error
    return found.hexdigest()
