"""Bring the parts of a copy, which are of different moments, to the copy's one LSN.

See `ingestion.postgres.copy_parts` for why this is exact: for each key that the stream touched between the copy's base
and its LSN, the last that the stream says takes the place of what the parts say. The rows that it touched are gathered
in a DuckDB in memory; all others pass through. Everything stays text.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from ingestion.errors import LoadError
from ingestion.load.batch import read_batch
from ingestion.load.changes import arrow_tuples
from ingestion.load.parts import Part
from ingestion.load.tail import Tail
from ingestion.log import LogPosition, LogReader
from ingestion.log.directory import segment_numbers
from ingestion.log.segment import SEGMENT_HEADER
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.records import IDLE, SESSION, WAL, Session
from ingestion.warehouse.duckdb.limits import MEMORY_BYTES

_ROWS: Final = 100_000


class UnusableCopyError(LoadError):
    """A copy in parts cannot be brought to its LSN: only one of a single moment can tell the table's state."""


@dataclass(frozen=True, slots=True)
class Fold:
    """The stream of `epoch` from LSN `base` up to `lsn`, to be put over the rows of one relation.

    What does not fit into memory goes to `spill`.
    """

    stream: LogReader
    epoch: int
    base: int
    lsn: int
    relation: Relation
    spill: Path

    def over(self, parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Yield the rows as of `lsn`. Raises UnusableCopyError."""
        with duckdb.connect(config={"temp_directory": str(self.spill), "memory_limit": f"{MEMORY_BYTES}B"}) as memory:
            if self._gather(memory):
                yield from _fold(memory, self.relation, parts)
                return
        yield from parts

    def _gather(self, memory: duckdb.DuckDBPyConnection) -> bool:
        """Collect what changed; False when nothing did."""
        width = range(len(self.relation.columns))
        columns = ", ".join(f"c{i} varchar" for i in width)
        unsent = ", ".join(f"u{i} boolean" for i in width)
        memory.execute(f"create table new (n hugeint, {columns}, {unsent}); create table old (n hugeint, {columns})")
        tail, at, lsn, number, found = Tail(self.stream), self._start(), self.base, 0, False
        while batch := read_batch(tail, at, self.epoch, lsn, until=self.lsn):
            if batch.epoch != self.epoch or batch.lsn > self.lsn:
                break
            for part in batch.parts:
                found, number = self._add(memory, part, number) or found, number + 1
            at, lsn = batch.end, batch.lsn
        if lsn < self.lsn:
            raise UnusableCopyError(f"the log does not hold what {self.relation.source!r} went through while copied")
        return found

    def _add(self, memory: duckdb.DuckDBPyConnection, part: Part, number: int) -> bool:
        messages, oid = part.messages, self.relation.oid
        if oid not in messages.relations():
            return False
        if any(oid in oids for _, oids in messages.truncates()):
            raise UnusableCopyError(f"{self.relation.source!r} was truncated while it was copied")
        versions = part.versions.get(oid, [])
        for place, (low, relation) in enumerate(versions):
            high = versions[place + 1][0] if place + 1 < len(versions) else len(messages.tag)
            changes = messages.changes(relation, low, high)
            if not len(changes.index):
                continue
            if _shape(relation) != _shape(self.relation):
                raise UnusableCopyError(f"columns of {self.relation.source!r} changed while it was copied")
            try:
                tuples = arrow_tuples(messages.wire, relation, changes)
            except LoadError as error:
                raise UnusableCopyError(str(error)) from error
            for target, rows in zip(("new", "old"), tuples, strict=True):
                memory.register("_rows", rows)
                memory.execute(
                    f"insert into {target} by name select {number}::hugeint * 1099511627776 + _n as n, "
                    "* exclude (_n, _tag, _lsn, _seq) from _rows"
                )
                memory.unregister("_rows")
        return True

    def _start(self) -> LogPosition | None:
        """Where to read from: the last block before which all is below the base. Reads headers, newest first."""
        for number in reversed(segment_numbers(self.stream.directory)):
            found, epoch = None, 0
            for position, header in self.stream.headers(LogPosition(number, SEGMENT_HEADER.size)):
                if position.segment != number:
                    break
                if header.kind == SESSION:
                    epoch = Session.from_bytes(self.stream.read(position, header).payload).epoch
                elif epoch == self.epoch and header.kind in (WAL, IDLE) and 0 < header.mark <= self.base:
                    found = position
            if found is not None:
                return found
        return None


def _shape(relation: Relation) -> tuple[tuple[str, ...], tuple[int, ...]]:
    return tuple(column.name for column in relation.columns), relation.key_positions


def _fold(memory: duckdb.DuckDBPyConnection, relation: Relation, parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    width, keys = range(len(relation.columns)), [f"c{i}" for i in relation.key_positions]
    key, columns = ", ".join(keys), ", ".join(f"c{i}" for i in width)
    unsent = " or ".join(f"coalesce(n.u{i}, false)" for i in width)
    ((moved, lacking),) = memory.execute(
        f"select count(*) filter (o.n is not null and ({' or '.join(f'n.{k} <> o.{k}' for k in keys)})), count(*) "
        f"from new n left join old o on n.n = o.n + 1 where {unsent}"
    ).fetchall()
    if moved:
        raise UnusableCopyError(f"a row of {relation.source!r} changed its key and kept a long value while copied")
    memory.execute(
        f"create table touched as select {key}, max(n) as n from "
        f"(select {key}, n from new union all select {key}, n from old) group by all"
    )
    memory.execute(f"create table before as select {columns} from new limit 0")
    for part in parts:
        memory.register("_rows", part)
        if lacking:
            memory.execute(f"insert into before select {columns} from _rows semi join touched using ({key})")
        rest: pa.Table = memory.sql(f"select {columns} from _rows anti join touched using ({key})").to_arrow_table()
        memory.unregister("_rows")
        if rest.num_rows:
            yield rest
    newest = (
        f"last_value(case when not coalesce(u{{0}}, false) then struct_pack(v := c{{0}}) end ignore nulls) "
        f"over (partition by {key} order by n rows unbounded preceding)"
    )
    sent = ", ".join(newest.format(i) + f" as s{i}" for i in width)
    # A row that lacks a value was there all the time: what a part read of it is that value.
    lost = " or ".join(f"s{i} is null" for i in width)
    memory.execute(
        f"create table after as select s.*, b.found is not null as held, "
        f"{', '.join(f'case when s{i} is null then b.c{i} else s{i}.v end as v{i}' for i in width)} "
        f"from (select n, {key}, {sent} from new) s join touched using (n, {key}) "
        f"left join (select *, true as found from before) b on {' and '.join(f's.{k} = b.{k}' for k in keys)}"
    )
    ((missing,),) = memory.execute(f"select count(*) from after where ({lost}) and not held").fetchall()
    if missing:
        raise UnusableCopyError(f"{missing} rows of {relation.source!r} lack a long value that the copy should hold")
    rows = memory.sql(f"select {', '.join(f'v{i} as c{i}' for i in width)} from after")
    for batch in rows.to_arrow_reader(_ROWS):
        yield pa.Table.from_batches([batch])
