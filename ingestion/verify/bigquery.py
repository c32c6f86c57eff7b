"""Compare the rows of one table in BigQuery: all columns, as multisets, both ways.

The source's texts are cast on this side as the loader casts them, and are sent as a file; the service holds them
against the mirror, or a replayed history against it. Rows are compared as the texts of their values as BigQuery writes
them, of both sides alike. A value that its type cannot hold and that has no sibling is a difference, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ingestion.errors import VerifyError
from ingestion.verify.forms import Layout
from ingestion.verify.placement import Placement, place
from ingestion.verify.report import SAMPLE_KEYS, TableComparison
from ingestion.verify.slices import WHOLE, Checksum, Key, Slice
from ingestion.verify.snapshot import Spooled, read_spooled
from ingestion.warehouse.bigquery.changes import row_text
from ingestion.warehouse.bigquery.destination import BigqueryDestination
from ingestion.warehouse.bigquery.stage import typed_columns
from ingestion.warehouse.bigquery.types import TEXT, cast_text, may_fail
from ingestion.warehouse.bigquery.work import Work
from ingestion.warehouse.table import Table

_GONE: Final = "_op in ('delete', 'truncate')"


@dataclass(frozen=True, slots=True)
class BigqueryComparer:
    """Compares what is committed; leaves nothing but what goes away by itself."""

    destination: BigqueryDestination

    @property
    def sums(self) -> bool:
        """Whether it numbers rows."""
        return False

    def rows(self, table: Table) -> int:
        """Count a mirror's rows."""
        return self.destination.count(table)

    def sample(self, table: Table, size: int) -> list[Key]:
        """Choose keys by chance."""
        keys = ", ".join(self._names(table, table.key, history=False))
        relation = self.destination.service.relation(table.mirror_schema, table.name)
        return self.destination.service.query(f"select {keys} from {relation} order by rand() limit {size:d}")

    def checksums(self, table: Table, layout: Layout, part: Slice, of: int) -> dict[int, Checksum]:
        """Rows are not numbered here: see `sums`."""
        raise VerifyError("rows are compared value by value on BigQuery")

    def within(self, table: Table, layout: Layout | None, part: Slice) -> str:
        """SQL for whether a row of the mirror is in a part."""
        return part.condition(self._names(table, table.key, history=False), "")

    def compare(
        self, table: Table, spooled: Spooled, part: Slice = WHOLE, layout: Layout | None = None
    ) -> TableComparison:
        """Compare a part of a table's mirror with its rows at the source."""
        placement = place(table, spooled.relation.columns)
        with self._working() as work:
            staged = work.stage(_source_rows(table, spooled, placement), {**_types(table), "lost": "BOOL"})
            work.arrive()
            places = [f"s.{name}" for name in _types(table)]
            expected = f"select {_row(table, places, 's.lost')} from {staged} s"
            mirror = f"{self._mirror_rows(table)} where {self.within(table, None, part)}"
            return self._compared(table, expected, mirror, placement.note)

    def replay(self, table: Table, history: str) -> TableComparison:
        """Compare a table's replayed history (SQL of its rows) with its mirror."""
        relation = self.destination.service.relation(table.history_schema, table.name)
        return self._compared(
            table, self._replayed(table, history.replace(table.history, relation)), self._mirror_rows(table), None
        )

    def _compared(self, table: Table, expected: str, mirror: str, note: str | None) -> TableComparison:
        """Compare two queries that give `_row` and key texts k<i>."""
        query, keys = self.destination.service.query, [f"k{number}" for number in range(len(table.key))]
        counted = f"select (select count(*) from ({expected})), (select count(*) from ({mirror}))"
        ((rows_source, rows_warehouse),) = query(counted)
        listed = ", ".join(["_row", *keys])
        differing = (
            f"select {listed}, abs(sum(side)) as times from (select {listed}, 1 as side from ({expected}) "
            f"union all select {listed}, -1 from ({mirror})) group by {listed} having sum(side) <> 0"
        )
        sample: tuple[dict[str, str | None], ...] = ()
        if keys:
            distinct = f"select distinct {', '.join(keys)} from ({differing})"
            ((count,),) = query(f"select count(*) from ({distinct})")
            names = [table.columns[i].source_name for i in table.key]
            if count:
                shown = query(f"{distinct} order by {', '.join(keys)} limit {SAMPLE_KEYS}")
                sample = tuple(dict(zip(names, row, strict=True)) for row in shown)
        else:
            ((count,),) = query(f"select ifnull(sum(times), 0) from ({differing})")
        equal = count == 0 and rows_source == rows_warehouse
        return TableComparison(
            table.source, table.relation, equal, rows_source, rows_warehouse, int(count), sample, note
        )

    def _names(self, table: Table, positions: "range | tuple[int, ...]", *, history: bool) -> list[str]:
        schema = table.history_schema if history else table.mirror_schema
        columns = [table.columns[i] for i in positions]
        names = [name for c in columns for name in ((c.name, c.text_name) if c.has_text else (c.name,))]
        return [self.destination.shapes.stored(schema, table.name, name) for name in names]

    def _mirror_rows(self, table: Table) -> str:
        names = [f"m.{name}" for name in self._names(table, range(len(table.columns)), history=False)]
        relation = self.destination.service.relation(table.mirror_schema, table.name)
        return f"select {_row(table, names, 'false')} from {relation} m"

    def _replayed(self, table: Table, history: str) -> str:
        row = _row(
            table, [f"h.{name}" for name in self._names(table, range(len(table.columns)), history=True)], "false"
        )
        if table.key:
            key = ", ".join(self._names(table, table.key, history=True))
            return (
                f"select {row} from (select * from {history} where true qualify row_number() over "
                f"(partition by {key} order by _epoch desc, _lsn desc, _seq desc) = 1) h where not {_GONE}"
            )
        return (
            f"select _row from (select _row, cast(sum(if({_GONE}, -1, 1)) as int64) as copies from "
            f"(select {row}, h._op from {history} h) group by _row) cross join unnest(generate_array(1, copies))"
        )

    @contextmanager
    def _working(self) -> Iterator[Work]:
        work = Work(self.destination.service, self.destination.local)
        try:
            yield work
        finally:
            work.clean_quietly()


def _types(table: Table) -> dict[str, str]:
    """Types by place, siblings included."""
    found = {}
    for i, column in enumerate(table.columns):
        found[f"c{i}"] = column.type
        if column.has_text:
            found[f"t{i}"] = TEXT
    return found


def _row(table: Table, values: list[str], lost: str) -> str:
    """SELECT list of all values as one row, and the key's texts."""
    by_place = dict(zip(_types(table), values, strict=True))
    keys = []
    for number, i in enumerate(table.key):
        text = f"cast({by_place[f'c{i}']} as string)"
        if table.columns[i].has_text:
            text = f"ifnull({by_place[f't{i}']}, {text})"
        keys.append(f"{text} as k{number}")
    return ", ".join([f"{row_text([*values, lost])} as _row", *keys])


def _source_rows(table: Table, spooled: Spooled, placement: Placement) -> str:
    """A local query of the source's rows as the mirror has them."""
    texts = [f"{'null::varchar' if s is None else f's{s}'} as c{i}" for i, s in enumerate(placement.places)]
    lost = [
        f"(c{i} is not null and {cast_text(f'c{i}', column.type)} is null)"
        for i, column in enumerate(table.columns)
        if may_fail(column.type) and not column.has_text
    ]
    # A column that the stream has not shown yet holds nothing here: a value of it is lost as well.
    lost += [f"s{s} is not null" for s in placement.unseen]
    listed = [*typed_columns(table, range(len(table.columns))), f"({' or '.join(lost) or 'false'}) as lost"]
    return f"select {', '.join(listed)} from (select {', '.join(['*', *texts])} from {read_spooled(spooled)})"
