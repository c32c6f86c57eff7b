"""Find the copies that the log holds and the warehouse lacks, and read them."""

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from ingestion.errors import LogCorruptError
from ingestion.load.ahead import ahead
from ingestion.load.fold import Fold
from ingestion.load.log_begin import Place
from ingestion.load.replayable import SPENT
from ingestion.log import LogReader
from ingestion.log.directory import want
from ingestion.postgres.pgoutput import Relation, decode_copy
from ingestion.postgres.pgoutput.records import BASE, COPY, PART, REASON, RELATION, CopyBase, CopyName, CopyPart
from ingestion.warehouse.table import Table

_CHUNK_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Copied:
    """A table's whole copy in the log. `at` is when its snapshot was taken; `parts` are those that it consists of.

    `reason` says why it was made where the table had been copied before; it may be empty.

    A `spent` one has no rows any more (`ingestion.load.retention`).

    `fold` brings a copy in parts to its LSN; the stream must be in the log up to there.
    """

    name: CopyName
    relation: Relation
    at: datetime
    reader: LogReader
    parts: frozenset[int]
    fold: Fold | None
    reason: str
    spent: bool = False

    def usable(self, begin: Place | None) -> bool:
        """Whether a log that begins there holds all that followed; None: it is not known."""
        need = self.name.lsn if self.fold is None else self.fold.base
        return not self.spent and (begin is None or begin <= (self.name.epoch, need))

    def chunks(self) -> Iterator[pa.Table]:
        """The rows, some blocks at a time: text columns c0, c1, ... Raises UnusableCopyError."""
        rows = ahead(self._read())
        return rows if self.fold is None else self.fold.over(rows)

    def discard(self) -> None:
        """Remove the copy, which is of no use, and ask for one of a single moment."""
        want(self.reader.directory.parent, self.name.oid, self.reason or "its copy in parts is of no use", whole=True)
        shutil.rmtree(self.reader.directory)

    def _read(self) -> Iterator[pa.Table]:
        gathered, size = list[pa.Table](), 0
        for position, header in self.reader.headers():
            if header.kind == COPY and header.records and header.mark in self.parts:
                block = self.reader.read(position, header)
                wire, values = decode_copy(block.buffer, block.lengths, len(self.relation.columns))
                columns = {f"c{i}": wire.text(column) for i, column in enumerate(values)}
                if values and len(values[0].start):
                    gathered.append(pa.table(columns))
                    size += header.payload_bytes
                if size >= _CHUNK_BYTES:
                    yield pa.concat_tables(gathered)
                    gathered, size = [], 0
        if gathered:
            yield pa.concat_tables(gathered)


def pending_copies(
    directory: Path, epoch: int, tables: dict[int, Table], useless: Collection[CopyName] = ()
) -> list[Copied]:
    """Copies of this epoch newer than what the tables began with, oldest LSN first; of each table only the newest.

    `useless` ones are not even opened.
    """
    newest: dict[int, CopyName] = {}
    for entry in directory.iterdir() if directory.is_dir() else ():
        name = CopyName.parse(entry.name)
        if name is None or name.epoch != epoch:
            continue
        table = tables.get(name.oid)
        if table is not None and table.epoch == epoch and table.snapshot_lsn >= name.lsn:
            continue
        if name.oid not in newest or newest[name.oid].lsn < name.lsn:
            newest[name.oid] = name
    # A table that was dropped and made again has another OID and the same name: its older copies are history.
    began = {table.source: table.snapshot_lsn for table in tables.values() if table.epoch == epoch}
    return [
        copied
        for copied in (
            _open(directory, name)
            for name in sorted(newest.values(), key=lambda name: (name.lsn, name.oid))
            if name not in useless
        )
        if copied.name.oid in tables or copied.name.lsn > began.get(copied.relation.source, -1)
    ]


def _open(directory: Path, name: CopyName) -> Copied:
    reader = LogReader(directory / str(name))
    if (told := reader.directory / SPENT).exists():
        shape = Relation.from_bytes(told.read_bytes())
        return Copied(name, shape, datetime.fromtimestamp(0, UTC), reader, frozenset(), None, "", spent=True)
    relation: Relation | None = None
    fold, at_us, parts, reason = None, 0, {0}, ""
    for position, header in reader.headers():
        if header.kind == RELATION:
            relation, at_us = Relation.from_bytes(reader.read(position, header).payload), header.mark
        elif header.kind == BASE and relation is not None:
            base = CopyBase.from_bytes(reader.read(position, header).payload)
            stream, spill = LogReader(directory.parent / "postgres"), reader.directory / "spill"
            fold = Fold(stream, name.epoch, base.lsn, name.lsn, relation, spill)
        elif header.kind == PART:
            at_us = CopyPart.from_bytes(reader.read(position, header).payload).at_us
            parts.add(header.mark)
        elif header.kind == REASON:
            reason = bytes(reader.read(position, header).payload).decode()
    if relation is None:
        raise LogCorruptError(f"copy {str(name)!r} does not say which table it holds; remove it, run 'flux replicate'")
    return Copied(name, relation, datetime.fromtimestamp(at_us / 1e6, UTC), reader, frozenset(parts), fold, reason)
