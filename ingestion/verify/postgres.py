"""Compare the rows of one table in a Postgres warehouse: all columns, as multisets, both ways.

Rows are compared as texts. The source's come as they are; the warehouse's as its types write them, which must be the
same letter by letter: nothing is cast on the way, so nothing can be made equal by a cast.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ingestion.verify.forms import Form, Layout, postgres_bits, postgres_number
from ingestion.verify.placement import Placement, place
from ingestion.verify.report import SAMPLE_KEYS, TableComparison
from ingestion.verify.slices import WHOLE, Checksum, Key, Slice
from ingestion.verify.snapshot import Spooled
from ingestion.warehouse.names import quote
from ingestion.warehouse.postgres.apply import row_text
from ingestion.warehouse.postgres.schema import about
from ingestion.warehouse.postgres.session import PostgresSession
from ingestion.warehouse.table import Table, TableColumn

_READ_BYTES: Final = 1 << 20
_GONE: Final = "_op in ('delete', 'truncate')"


@dataclass(frozen=True, slots=True)
class PostgresComparer:
    """Compares in a transaction of its own, which is rolled back."""

    session: PostgresSession

    @property
    def sums(self) -> bool:
        """It numbers rows."""
        return True

    def rows(self, table: Table) -> int:
        """Say about how many rows a mirror has; counts them where the server does not know."""
        return about(self.session, table)

    def sample(self, table: Table, size: int) -> list[Key]:
        """Choose keys by chance, page by page."""
        percent = min(100.0, 100.0 * size / max(self.rows(table), 1))
        keys = ", ".join(table.key_names)
        return self.session.execute(f"select {keys} from {table.mirror} tablesample system ({percent:f})")

    def checksums(self, table: Table, layout: Layout, part: Slice, of: int) -> dict[int, Checksum]:
        """Count and sum the rows of a part by bucket."""
        numbered = f"select {_number(table, layout)} as h from {table.mirror} where {self.within(table, layout, part)}"
        grouped = f"select (h % {of:d})::int, count(*), sum(h) from ({numbered} offset 0) as r group by 1"
        if of == 1:
            grouped = f"select 0, count(*), coalesce(sum(h), 0) from ({numbered}) as r"
        return {bucket: Checksum(rows, int(total)) for bucket, rows, total in self.session.execute(grouped)}

    def within(self, table: Table, layout: Layout | None, part: Slice) -> str:
        """SQL for whether a row of the mirror is in a part."""
        return part.condition(table.key_names, _number(table, layout) if layout else "")

    def compare(
        self, table: Table, spooled: Spooled, part: Slice = WHOLE, layout: Layout | None = None
    ) -> TableComparison:
        """Compare a part of a table's mirror with its rows at the source."""
        placement = place(table, spooled.relation.columns)
        with self._rolled_back():
            places = [f"s{s}" for s in range(len(spooled.relation.columns))]
            self.session.make("_verify_source", dict.fromkeys([*places, "_end"], "text"))
            with spooled.path.open("rb") as file:
                self.session.copy_csv("_verify_source", iter(lambda: file.read(_READ_BYTES), b""))
            mirror = f"{table.mirror} where {self.within(table, layout, part)}"
            return self._compare(table, _source_rows(table, placement), mirror, placement.note)

    def replay(self, table: Table, history: str) -> TableComparison:
        """Compare a table's replayed history (SQL of its rows) with its mirror."""
        with self._rolled_back():
            return self._compare(table, _replayed(table, history), table.mirror, None)

    def _compare(self, table: Table, expected: str, mirror: str, note: str | None) -> TableComparison:
        """Compare a query that gives `_row` and key texts k<i> with the mirror."""
        keys = ", ".join(f"k{i}" for i in range(len(table.key)))
        listed = f"_row, {keys}" if keys else "_row"
        self.session.keep("_verify_expected", expected)
        self.session.keep("_verify_mirror", f"select {_columns(table)} from {mirror}")
        self.session.keep(
            "_verify_difference",
            f"select {listed}, abs(sum(_side)) as _times from (select {listed}, 1 as _side from _verify_expected "
            f"union all select {listed}, -1 from _verify_mirror) as sides group by {listed} having sum(_side) <> 0",
        )
        rows = [self._count(f"select count(*) from _verify_{side}") for side in ("expected", "mirror")]
        sample: tuple[dict[str, str | None], ...] = ()
        if keys:
            distinct = f"select distinct {keys} from _verify_difference"
            differing = self._count(f"select count(*) from ({distinct}) as found")
            names = [table.columns[i].source_name for i in table.key]
            shown = self.session.execute(f"{distinct} order by {keys} limit {SAMPLE_KEYS}")
            sample = tuple(dict(zip(names, row, strict=True)) for row in shown)
        else:
            differing = self._count("select coalesce(sum(_times), 0) from _verify_difference")
        equal = differing == 0 and rows[0] == rows[1]
        return TableComparison(table.source, table.relation, equal, rows[0], rows[1], differing, sample, note)

    def _count(self, query: str) -> int:
        return int(self.session.execute(query)[0][0])

    @contextmanager
    def _rolled_back(self) -> Iterator[None]:
        self.session.execute("begin")
        try:
            yield
        finally:
            self.session.rollback()


def _number(table: Table, layout: Layout) -> str:
    """SQL for the number of a mirror's row."""
    return postgres_number(
        [(kind, _numbered(kind, column)) for kind, column in zip(layout.forms, table.columns, strict=True)]
    )


def _numbered(kind: Form, column: TableColumn) -> str:
    """SQL for a value that Postgres writes in its form: its text where a function looks at it, else the value."""
    name = quote(column.name)
    if kind is Form.FLOAT:
        bits = postgres_bits(name, column.type)
        return f"coalesce({quote(column.text_name)}, {bits})" if column.has_text else bits
    return _text(column) if column.has_text or kind is Form.OTHER else name


def _source_rows(table: Table, placement: Placement) -> str:
    """SELECT the source's rows as `_columns` gives the warehouse's; a value without a column is a difference."""
    texts = ["null::text" if s is None else f"s{s}" for s in placement.places]
    lost = " or ".join(f"s{s} is not null" for s in placement.unseen) or "false"
    keys = [f"{texts[i]} as k{number}" for number, i in enumerate(table.key)]
    return f"select {', '.join([f'{row_text([*texts, lost])} as _row', *keys])} from _verify_source"


def _columns(table: Table) -> str:
    """SELECT list for mirror or history: all values' texts as one row, and the key's."""
    texts = [_text(column) for column in table.columns]
    keys = [f"{texts[i]} as k{number}" for number, i in enumerate(table.key)]
    return ", ".join([f"{row_text([*texts, 'false'])} as _row", *keys])


def _text(column: TableColumn) -> str:
    """SQL for a value's text as its type writes it, which no cast does for every type."""
    name = quote(column.name)
    text = f"case when {name} is distinct from null then format('%s', {name}) end"
    return f"coalesce({quote(column.text_name)}, {text})" if column.has_text else text


def _replayed(table: Table, history: str) -> str:
    listed = _columns(table)
    if table.key:
        key = ", ".join(table.key_names)
        return (
            f"select {listed} from (select distinct on ({key}) * from {history} "
            f"order by {key}, _epoch desc, _lsn desc, _seq desc) as states where not {_GONE}"
        )
    return (
        f"select _row from (select _row, sum(case when {_GONE} then -1 else 1 end) as copies "
        f"from (select {listed}, _op from {history}) as changes group by _row) as found "
        f"cross join generate_series(1, copies) where copies > 0"
    )
