"""BigQuery as the loader's destination."""

import logging
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from ingestion.errors import LoadError, WarehouseError
from ingestion.failpoints import reach
from ingestion.warehouse.apply import HISTORY_COLUMNS
from ingestion.warehouse.bigquery.changes import TableRows
from ingestion.warehouse.bigquery.clock import BigqueryClock
from ingestion.warehouse.bigquery.columns import Columns, Key, ShapeSession
from ingestion.warehouse.bigquery.copies import CopyLoad, clustered, definitions
from ingestion.warehouse.bigquery.events import IDS, BigqueryEvents
from ingestion.warehouse.bigquery.local import Local
from ingestion.warehouse.bigquery.names import literal, quote, spell
from ingestion.warehouse.bigquery.service import Service
from ingestion.warehouse.bigquery.stage import clock_literal, stage, unfit_columns
from ingestion.warehouse.bigquery.types import TEXT, bigquery_type, cast_text
from ingestion.warehouse.bigquery.work import Work
from ingestion.warehouse.destination import ColumnChange, Dialect, StagedChanges
from ingestion.warehouse.machinery import Machinery
from ingestion.warehouse.reshape import change_columns, drop_table, keep_columns, make_text_room
from ingestion.warehouse.table import Table
from ingestion.warehouse.urls import BigqueryPlace

logger = logging.getLogger(__name__)

DIALECT: Final = Dialect(bigquery_type, spell=spell)
COSTS: Final = """
create table if not exists _flux.load_costs (
    day varchar, jobs bigint, bytes_processed bigint, bytes_billed bigint, slot_ms bigint, noted_at timestamptz
)
"""
_COUNTED_SECONDS: Final = 60.0


class BigqueryDestination:
    """Loads into a project of BigQuery. Whoever opens it takes it over from whoever had it."""

    def __init__(self, place: BigqueryPlace, memory_bytes: int) -> None:
        self.dialect = DIALECT
        self.service = Service(place)
        self.local = Local(memory_bytes, self._send_alone)
        self.session = self.local.session
        self.machinery = Machinery(self.session, "blob")
        self.shapes = Columns(self.service, self._clustering)
        self.clock = BigqueryClock(self.session, self.service)
        self.events = BigqueryEvents(self.local.connection, self.service, self.local, self.shapes, self._working)
        self._work: Work | None = None
        self._rows: dict[int, TableRows] = {}
        self._counts: dict[int, int] = {}
        self._counted_at = float("-inf")
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let it go."""
        self.local.close()
        self.service.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Gather what is done in the block, and do it at its end, all or nothing."""
        self._require_budget()
        self.local.connection.execute("begin")
        self.session.in_transaction, self._work = True, Work(self.service, self.local)
        try:
            yield
            self._commit(self._work)
        except BaseException:
            self._work.clean_quietly()
            self.shapes.discard()
            self.local.connection.execute("rollback")
            raise
        finally:
            self.session.in_transaction, self._work = False, None
            self._rows.clear()
        self.shapes.settle()

    def stage(self, table: Table, new: pa.Table, old: pa.Table) -> StagedChanges:
        told = table.key or range(len(table.columns))
        unfit = unfit_columns(self.local, table, new, range(len(table.columns)))
        unfit |= unfit_columns(self.local, table, old, told)
        if unfit:
            self._flush(table.oid)
            table = self._with_siblings(table, unfit)
        return stage(self.local, self._rows_of(table), new, old)

    def reshape(
        self, before: Table, after: Table, changes: Sequence[ColumnChange], at: tuple[int, int], *, rekeyed: bool
    ) -> None:
        for change in changes:
            if change.before is not None and change.after is not None and change.before.type != change.after.type:
                raise LoadError(f"column {change.after.source_name!r} of {after.source!r} has another type now")
        self._flush(before.oid)
        change_columns(ShapeSession(self.shapes), before, changes, None)
        work, mirror = self._working(), self._mirror(after)
        filled = [change for change in changes if change.before is None and change.missing is not None]
        if filled and not after.key:
            self._tell_all(after, "delete", at)
        for change in filled:
            if change.after is not None:
                name = self.shapes.stored(after.mirror_schema, after.name, change.after.name)
                work.say(f"update {mirror} set {name} = {self._default(after, change)} where true")
                work.touched.add(after.oid)
        if filled or rekeyed:
            self._tell_all(after, "resync", at)

    def load_copy(self, table: Table, chunks: Iterable[pa.Table], at: datetime, previous: Table | None) -> Table:
        self._flush(table.oid)
        copy = CopyLoad(self._working(), self.shapes, self.machinery, at)
        loaded = copy.load(table, chunks, previous)
        self._counts[table.oid] = copy.rows
        return loaded

    def repair(self, table: Table, chunks: Iterable[pa.Table], here: str, lsn: int, at: datetime) -> tuple[Table, int]:
        raise WarehouseError(
            f"rows of a mirror are not repaired on BigQuery yet; run 'flux replicate --again {table.source}'"
        )

    def keep_columns(self, table: Table, names: Collection[str]) -> None:
        self._flush(table.oid)
        keep_columns(ShapeSession(self.shapes), table, names)

    def drop_table(self, table: Table) -> None:
        self._rows.pop(table.oid, None)
        drop_table(ShapeSession(self.shapes), table)

    def count(self, table: Table) -> int:
        if self._work is not None and table.oid in self._work.touched:
            return self._counts.get(table.oid, 0)
        return int(self.service.query(f"select count(*) from {self._mirror(table)}")[0][0])

    def about(self, table: Table) -> int:
        if time.monotonic() - self._counted_at > _COUNTED_SECONDS:
            tables = [t for t in self.machinery.read_tables().values() if self.shapes.exists(t.mirror_schema, t.name)]
            counts = [f"select {t.oid} as oid, count(*) as times from {self._mirror(t)}" for t in tables]
            # Counting reads no byte: the service knows it.
            found = self.service.query(" union all ".join(counts)) if counts else []
            self._counts, self._counted_at = dict(found), time.monotonic()
        if table.oid not in self._counts:
            self._counts[table.oid] = self.count(table)
        return self._counts[table.oid]

    def _begin(self) -> None:
        """Take the warehouse, then read how it stands: from then on nobody else changes it."""
        self.service.take()
        self.shapes.read()
        self.session.in_transaction = True
        self.events.ensure()
        self.machinery.ensure()
        self.session.execute(COSTS)
        self.local.clear()  # what was noted while it was made is noted again by who loads
        there, made = self.service.tables("_flux"), list[str]()
        for table, types in self.local.tables().items():
            if table not in there:
                columns = ", ".join(f"{quote(name)} {kind}" for name, kind in types.items())
                clustering = " cluster by _epoch, _lsn" if table == "clock" else ""
                relation = self.service.relation("_flux", table)
                made.append(f"create table if not exists {relation} ({columns}){clustering}")
            elif table == "clock":
                self.clock.fill(self.local)
            else:
                self.local.fill(table, self.service.rows("_flux", table))
        if IDS not in there:
            relation = self.service.relation("_flux", IDS)
            made.append(f"create table if not exists {relation} (source string, id_hash string) cluster by id_hash")
        if made:
            self.service.query(";\n".join(made))
        self.local.sent()
        self.session.in_transaction = False
        self.shapes.settle()

    def _commit(self, work: Work) -> None:
        for rows in self._rows.values():
            rows.flush()
        self._note_costs()
        statements = [*self.local.differences(self.service, work.stage), *self.shapes.statements()]
        for statement in statements:
            work.say(statement)
        seconds = work.commit()
        reach("bigquery.committed")
        self.local.sent()
        self.local.connection.execute("commit")
        self.shapes.keep()
        work.clean()
        cost = self.service.cost
        logger.debug(
            "committed statements=%s seconds=%.2f bytes_processed=%s bytes_billed=%s slot_ms=%s",
            len(work.statements), seconds, cost.bytes_processed, cost.bytes_billed, cost.slot_ms,
        )  # fmt: skip

    def _send_alone(self) -> None:
        """Send what was said of `_flux` outside of a transaction."""
        work = Work(self.service, self.local)
        for statement in self.local.differences(self.service, work.stage):
            work.say(statement)
        work.commit()
        self.local.sent()
        work.clean()

    def _working(self) -> Work:
        if self._work is None:
            raise LoadError("a warehouse on BigQuery is changed in a transaction only")
        return self._work

    def _rows_of(self, table: Table) -> TableRows:
        held = self._rows.get(table.oid)
        if held is None or held.table != table:
            if held is not None:
                held.flush()
            self._rows[table.oid] = TableRows(self._working(), self.shapes, table)
        return self._rows[table.oid]

    def _flush(self, oid: int) -> None:
        held = self._rows.pop(oid, None)
        if held is not None:
            held.flush()

    def _with_siblings(self, table: Table, positions: set[int]) -> Table:
        session = ShapeSession(self.shapes)
        for i in sorted(positions):
            column = table.columns[i]
            make_text_room(session, table, column, None)
            schemas = (table.mirror_schema, table.history_schema) if table.has_history else (table.mirror_schema,)
            for schema in schemas:
                if column.text_name not in self.shapes.types(schema, table.name):
                    self.shapes.add(schema, table.name, {column.text_name: TEXT})
        changed = table.with_text(positions)
        self.machinery.write_table(changed)
        return changed

    def _default(self, table: Table, change: ColumnChange) -> str:
        """A constant default as a literal of its column's type. Raises LoadError where the type cannot hold it."""
        column = change.after
        assert column is not None
        value = cast_text("$1::varchar", column.type)
        ((held, text),) = self.local.connection.execute(
            f"select {value}, cast({value} as varchar)", [change.missing]
        ).fetchall()
        if held is None:
            raise LoadError(f"default of column {column.name!r} of {table.source!r} is no value of its warehouse type")
        if column.type in (TEXT, "BYTES"):
            return literal(held)
        return f"cast({literal(text)} as {column.type.partition('(')[0].lower()})"

    def _tell_all(self, table: Table, op: str, at: tuple[int, int]) -> None:
        """Tell the history all rows of a mirror."""
        if not table.has_history:
            return
        names = definitions(table)
        there = ", ".join([*(self.shapes.stored(table.history_schema, table.name, n) for n in names), HISTORY_COLUMNS])
        here = [self.shapes.stored(table.mirror_schema, table.name, name) for name in names]
        stamp = [f"'{op}'", str(table.epoch), str(at[0]), str(at[1]), clock_literal(self.local, at[0])]
        history = self.service.relation(table.history_schema, table.name)
        self._working().say(
            f"insert into {history} ({there}) select {', '.join([*here, *stamp])} from {self._mirror(table)}"
        )

    def _mirror(self, table: Table) -> str:
        return self.service.relation(table.mirror_schema, table.name)

    def _clustering(self, key: Key) -> list[str]:
        for table in self.machinery.read_tables().values():
            if key in ((table.mirror_schema, table.name), (table.history_schema, table.name)):
                return clustered(table)
        return []

    def _note_costs(self) -> None:
        """Add what jobs cost since the last commit to the day's sum, which goes along."""
        day, cost = f"{datetime.now(UTC):%Y-%m-%d}", self.service.cost.take()
        rows = self.session.execute(
            "delete from _flux.load_costs where day = $1 returning jobs, bytes_processed, bytes_billed, slot_ms", [day]
        )
        before = rows[0] if rows else (0, 0, 0, 0)
        now = (cost.jobs, cost.bytes_processed, cost.bytes_billed, cost.slot_ms)
        sums = [one + other for one, other in zip(before, now, strict=True)]
        self.session.execute("insert into _flux.load_costs values ($1, $2, $3, $4, $5, now())", [day, *sums])

    def _require_budget(self) -> None:
        """Raise WarehouseError when the day's budget is spent."""
        budget = self.service.place.day_bytes
        if budget is None:
            return
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        rows: list[Any] = self.session.execute("select bytes_billed from _flux.load_costs where day = $1", [day])
        spent = (rows[0][0] if rows else 0) + self.service.cost.bytes_billed
        if spent >= budget:
            raise WarehouseError(
                f"BigQuery billed {spent} bytes today, FLUX_BIGQUERY_DAY_BYTES allows {budget}; the load goes on "
                "tomorrow (UTC), or when it is raised: the log keeps what comes meanwhile"
            )
