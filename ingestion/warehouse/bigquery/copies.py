"""Load a table's copy into BigQuery: its rows in files, then one transaction.

The first copy fills mirror and history. A later one is held against the mirror by the service: what differs goes to the
history as `resync` and `delete`, the interval to `_flux.history_gaps`, and the mirror is written anew.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import pyarrow as pa

from ingestion.warehouse.apply import HISTORY_COLUMNS
from ingestion.warehouse.bigquery.changes import MACHINERY, row_text
from ingestion.warehouse.bigquery.columns import Columns, ShapeSession
from ingestion.warehouse.bigquery.names import literal
from ingestion.warehouse.bigquery.stage import typed_columns, unfit_columns
from ingestion.warehouse.bigquery.types import CLUSTERED, TEXT, may_fail
from ingestion.warehouse.bigquery.work import Work
from ingestion.warehouse.machinery import Machinery
from ingestion.warehouse.reshape import make_room
from ingestion.warehouse.table import Table

# Of text, as it comes, in one file. A table may take 1,500 loads a day.
_FILE_BYTES: Final = 256 << 20
PARTITION: Final = " partition by timestamp_trunc(_commit_at, day)"


def definitions(table: Table) -> dict[str, str]:
    """A table's columns with their types, siblings included."""
    found = {}
    for column in table.columns:
        found[column.name] = column.type
        if column.has_text:
            found[column.text_name] = TEXT
    return found


def clustered(table: Table) -> list[str]:
    """By which columns mirror and history are clustered: those of the key, as far as BigQuery can, four at most."""
    columns = [table.columns[i] for i in table.key]
    return [column.name for column in columns if column.type.partition("(")[0] in CLUSTERED][:4]


class CopyLoad:
    """The load of one copy. `at` is the snapshot's time by Flux's clock."""

    def __init__(self, work: Work, shapes: Columns, machinery: Machinery, at: datetime) -> None:
        self._work, self._shapes, self._machinery, self._at = work, shapes, machinery, at
        self.rows = 0

    def load(self, table: Table, chunks: Iterable[pa.Table], previous: Table | None) -> Table:
        """Load the rows (text c<i>) as the table's state at its snapshot; returns the table as recorded."""
        staged, table = self._send(table, chunks)
        mirror = table.mirror_schema, table.name
        held = previous if previous is not None and self._shapes.exists(*mirror) else None
        if table.has_history:
            self._open_history(table, held)
        if held is None:
            self._shapes.shape(*mirror, definitions(table), clustered(table))
            self._tell(table, "snapshot", definitions(table), places(table), f"{staged} s")
        else:
            self._resync(table, held, staged)
            self._shapes.shape(*mirror, definitions(table), clustered(table))
            self._machinery.note_gap(table, held.snapshot_lsn)
        names = ", ".join(self._stored(table, definitions(table)))
        self._work.say(f"delete from {self._mirror(table)} where true")
        if names:
            self._work.say(
                f"insert into {self._mirror(table)} ({names}) select {', '.join(places(table))} from {staged} s"
            )
        self._work.touched.add(table.oid)
        self._machinery.write_table(table)
        return table

    def _open_history(self, table: Table, held: Table | None) -> None:
        place = (table.history_schema, table.name)
        if not self._shapes.exists(*place):
            self._shapes.shape(*place, {**definitions(table), **MACHINERY}, clustered(table), PARTITION)
            return
        make_room(ShapeSession(self._shapes), table, held or table, None)

    def _send(self, table: Table, chunks: Iterable[pa.Table]) -> tuple[str, Table]:
        """Send the rows in files; returns the staged relation, and the table with the siblings that they need."""
        local, positions = self._work.local, range(len(table.columns))
        types: dict[str, str] = {}
        for i in positions:
            types[f"c{i}"] = table.columns[i].type
            if table.columns[i].has_text or may_fail(table.columns[i].type):
                types[f"t{i}"] = TEXT
        name, unfit, gathered, empty = self._work.new_name(), set[int](), list[pa.Table](), True
        size = 0
        for chunk in chunks:
            unfit |= unfit_columns(local, table, chunk, positions)
            gathered.append(chunk)
            size += chunk.nbytes
            self.rows += chunk.num_rows
            if size >= _FILE_BYTES:
                self._send_file(table, gathered, types, name)
                gathered, size, empty = [], 0, False
        if gathered or empty:
            none = pa.table({f"c{i}": pa.nulls(0, pa.string()) for i in positions})
            self._send_file(table, gathered or [none], types, name)
        return self._work.service.relation("_flux_staging", name), table.with_text(unfit)

    def _send_file(self, table: Table, chunks: list[pa.Table], types: Mapping[str, str], name: str) -> None:
        local = self._work.local
        listed = typed_columns(table, range(len(table.columns)), all_texts=True)
        local.session.bring("_rows", pa.concat_tables(chunks))
        local.session.keep("_copied", f"select {', '.join(listed) or '1 as nothing'} from _rows")
        local.session.forget("_rows")
        self._work.send("from _copied", types or {"nothing": "INT64"}, name)

    def _resync(self, table: Table, held: Table, staged: str) -> None:
        """Say in the history what differs between the copy and the mirror that missed changes."""
        mirror, types = (table.mirror_schema, table.name), definitions(held)
        for column in table.columns:  # siblings that the copy brought, so that rows compare
            if column.has_text and types.get(column.name) == column.type and column.text_name not in types:
                self._shapes.add(*mirror, {column.text_name: TEXT})
                types[column.text_name] = TEXT
        wanted, columns = definitions(table), [table.columns[i] for i in table.key or range(len(table.columns))]
        told = [column for column in columns if types.get(column.name) == column.type]
        names = [*(column.name for column in told), *(c.text_name for c in told if c.has_text)]
        by_name = dict(zip(wanted, places(table), strict=True))
        same = wanted == types and table.key_sources == held.key_sources
        came, gone = (places(table), f"{staged} s"), (self._stored(table, names), f"{self._mirror(table)} m")
        if same:
            came = _surplus(staged, places(table), self._mirror(table), self._stored(table, wanted))
        if same or (table.key and len(told) == len(columns)):
            gone = _surplus(self._mirror(table), gone[0], staged, [by_name[name] for name in names])
        self._tell(table, "resync", wanted, *came)
        self._tell(table, "delete", names, *gone)

    def _stored(self, table: Table, names: Iterable[str]) -> list[str]:
        return [self._shapes.stored(table.mirror_schema, table.name, name) for name in names]

    def _mirror(self, table: Table) -> str:
        return self._work.service.relation(table.mirror_schema, table.name)

    def _tell(self, table: Table, op: str, names: Iterable[str], values: list[str], rows: str) -> None:
        """Write rows to the history, if one is kept."""
        if not table.has_history:
            return
        place = table.history_schema, table.name
        listed = ", ".join([*(self._shapes.stored(*place, name) for name in names), HISTORY_COLUMNS])
        stamp = [
            f"'{op}'",
            str(table.epoch),
            str(table.snapshot_lsn),
            "0" if op == "delete" else "1",
            literal(self._at),
        ]
        relation = self._work.service.relation(*place)
        self._work.say(f"insert into {relation} ({listed}) select {', '.join([*values, *stamp])} from {rows}")


def _surplus(side: str, ours: list[str], other: str, theirs: list[str]) -> tuple[list[str], str]:
    """Values, and SQL of what they are selected from: the rows that one side has more often than the other."""
    named = "".join(f"m.{name} as p{i}, " for i, name in enumerate(ours))
    rows = (
        f"(select *, row_number() over (partition by r) as n from "
        f"(select {named}{row_text([f'm.{name}' for name in ours])} as r from {side} m))"
    )
    times = f"(select {row_text([f'o.{name}' for name in theirs])} as r, count(*) as times from {other} o group by r)"
    found = f"(select w.* from {rows} w left join {times} h on h.r = w.r where w.n > ifnull(h.times, 0)) q"
    return [f"q.p{i}" for i in range(len(ours))], found


def places(table: Table) -> list[str]:
    """Staged columns of the rows of a copy, in the order of `definitions`."""
    return [
        place
        for i, column in enumerate(table.columns)
        for place in ((f"c{i}", f"t{i}") if column.has_text else (f"c{i}",))
    ]
