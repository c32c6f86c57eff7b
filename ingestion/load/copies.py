"""Find the copies that the log holds and the warehouse lacks, and read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from ingestion.errors import LogCorruptError
from ingestion.log import LogReader
from ingestion.postgres.pgoutput import Relation, decode_copy
from ingestion.postgres.pgoutput.records import COPY, RELATION, CopyName
from ingestion.warehouse.table import Table


@dataclass(frozen=True, slots=True)
class Copied:
    """A table's whole copy in the log. `at` is when its snapshot was taken."""

    name: CopyName
    relation: Relation
    at: datetime
    reader: LogReader

    def chunks(self) -> Iterator[pa.Table]:
        """The rows, block by block: text columns c0, c1, ..."""
        for block in self.reader.blocks():
            if block.kind == COPY and len(block.lengths):
                wire, values = decode_copy(block.buffer, block.lengths, len(self.relation.columns))
                columns = {f"c{i}": wire.text(column) for i, column in enumerate(values)}
                rows = len(values[0].start) if values else 0
                if rows:
                    yield pa.table(columns)


def pending_copies(directory: Path, epoch: int, tables: dict[int, Table]) -> list[Copied]:
    """Copies of this epoch newer than what the tables began with, oldest LSN first; of each table only the newest."""
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
            _open(directory, name) for name in sorted(newest.values(), key=lambda name: (name.lsn, name.oid))
        )
        if copied.name.oid in tables or copied.name.lsn > began.get(copied.relation.source, -1)
    ]


def _open(directory: Path, name: CopyName) -> Copied:
    reader = LogReader(directory / str(name))
    for block in reader.blocks():
        if block.kind == RELATION:
            at = datetime.fromtimestamp(block.mark / 1e6, UTC)
            return Copied(name, Relation.from_bytes(block.payload), at, reader)
    raise LogCorruptError(f"copy {str(name)!r} does not say which table it holds; remove it and run 'flux replicate'")
