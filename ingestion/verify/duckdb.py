"""Compare the rows of one table in DuckDB: all columns, as multisets, both ways.

The source's texts are cast as the loader casts them. A value that its type cannot hold and that has no sibling column
in the warehouse is a difference, too: the cast alone would turn it into the NULL that stands there.
"""

from dataclasses import dataclass
from typing import Final

import duckdb

from ingestion.verify.forms import Form, Layout, duckdb_bits, duckdb_number
from ingestion.verify.placement import Placement, place
from ingestion.verify.report import SAMPLE_KEYS, TableComparison
from ingestion.verify.slices import WHOLE, Checksum, Key, Slice
from ingestion.verify.snapshot import Spooled, read_spooled
from ingestion.warehouse.duckdb.source_text import source_text
from ingestion.warehouse.duckdb.stage import typed_columns
from ingestion.warehouse.names import quote
from ingestion.warehouse.table import Table
from ingestion.warehouse.types import cast_text, may_fail

_GONE: Final = "_op in ('delete', 'truncate')"


@dataclass(frozen=True, slots=True)
class DuckdbComparer:
    """Compares on an open connection, whose owner holds the lease."""

    connection: duckdb.DuckDBPyConnection

    @property
    def sums(self) -> bool:
        """It numbers rows."""
        return True

    def rows(self, table: Table) -> int:
        """Count a mirror's rows."""
        return int(_first(self.connection, f"select count(*) from {table.mirror}"))

    def sample(self, table: Table, size: int) -> list[Key]:
        """Choose keys by chance."""
        keys = ", ".join(table.key_names)
        return self.connection.execute(f"select {keys} from {table.mirror} using sample {size:d} rows").fetchall()

    def checksums(self, table: Table, layout: Layout, part: Slice, of: int) -> dict[int, Checksum]:
        """Count and sum the rows of a part by bucket."""
        bucket, grouped = (f"(h % {of:d})::integer", " group by 1") if of > 1 else ("0", "")
        query = (
            f"select {bucket}, count(*), coalesce(sum(h), 0) from (select {_number(table, layout)} as h "
            f"from {table.mirror} where {self.within(table, layout, part)}){grouped}"
        )
        found = self.connection.execute(query).fetchall()
        return {bucket: Checksum(rows, int(total)) for bucket, rows, total in found}

    def within(self, table: Table, layout: Layout | None, part: Slice) -> str:
        """SQL for whether a row of the mirror is in a part."""
        return part.condition(table.key_names, _number(table, layout) if layout else "")

    def compare(
        self, table: Table, spooled: Spooled, part: Slice = WHOLE, layout: Layout | None = None
    ) -> TableComparison:
        """Compare a part of a table's mirror with its rows at the source."""
        placement = place(table, spooled.relation.columns)
        self.connection.execute(
            f"create or replace temp table _verify_source as {_source_rows(table, spooled, placement)}"
        )
        try:
            mirror = f"{_mirror_rows(table)} where {self.within(table, layout, part)}"
            return _compare_rows(self.connection, table, "from _verify_source", mirror, placement.note)
        finally:
            self.connection.execute("drop table _verify_source")

    def replay(self, table: Table, history: str) -> TableComparison:
        """Compare a table's replayed history (SQL of its rows) with its mirror."""
        return _compare_rows(self.connection, table, _replayed(table, history), _mirror_rows(table))


def _compare_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, expected: str, mirror: str, note: str | None = None
) -> TableComparison:
    """Compare two queries that give a table's columns as `_mirror_rows` names them."""
    rows = [int(_first(connection, f"select count(*) from ({query})")) for query in (expected, mirror)]
    names = ", ".join(_names(table))
    # As exact as EXCEPT ALL both ways, and five times as fast (measured 2026-11).
    connection.execute(
        f"create or replace temp table _verify_difference as select {names}, abs(sum(_side)) as _times "
        f"from (select {names}, 1 as _side from ({expected}) union all select {names}, -1 from ({mirror})) "
        f"group by {names} having sum(_side) <> 0"
    )
    try:
        differing, sample = _keys(connection, table)
    finally:
        connection.execute("drop table _verify_difference")
    equal = differing == 0 and rows[0] == rows[1]
    return TableComparison(table.source, table.relation, equal, rows[0], rows[1], differing, sample, note)


def _number(table: Table, layout: Layout) -> str:
    """SQL for the number of a mirror's row."""
    values = []
    for kind, column in zip(layout.forms, table.columns, strict=True):
        text = source_text(column)
        if kind is Form.FLOAT:
            bits = duckdb_bits(quote(column.name))
            text = f"coalesce({quote(column.text_name)}, {bits})" if column.has_text else bits
        values.append((kind, text))
    return duckdb_number(values)


def _mirror_rows(table: Table) -> str:
    """SELECT a mirror's columns by position: c<i>, and t<i> where there is a sibling; `lost` is false."""
    return f"select {_stored_columns(table)} from {table.mirror}"


def _stored_columns(table: Table) -> str:
    """SELECT list that names the columns of mirror or history by position."""
    parts = []
    for i, column in enumerate(table.columns):
        parts.append(f"{quote(column.name)} as c{i}")
        if column.has_text:
            parts.append(f"{quote(column.text_name)} as t{i}")
    return ", ".join([*parts, "false as lost"])


def _names(table: Table) -> list[str]:
    found = []
    for i, column in enumerate(table.columns):
        found += [f"c{i}", f"t{i}"] if column.has_text else [f"c{i}"]
    return [*found, "lost"]


def _source_rows(table: Table, spooled: Spooled, placement: Placement) -> str:
    """SELECT the source's rows as `_mirror_rows` gives the warehouse's."""
    texts = [f"{'null::varchar' if s is None else f's{s}'} as c{i}" for i, s in enumerate(placement.places)]
    lost = [
        f"(c{i} is not null and {cast_text(f'c{i}', column.type)} is null)"
        for i, column in enumerate(table.columns)
        if may_fail(column.type) and not column.has_text
    ]
    # A column that the stream has not shown yet holds nothing here: a value of it is lost as well.
    lost += [f"s{s} is not null" for s in placement.unseen]
    listed = typed_columns(table, tuple(range(len(table.columns))))
    listed.append(f"({' or '.join(lost) or 'false'}) as lost")
    return f"select {', '.join(listed)} from (select {', '.join(['*', *texts])} from {read_spooled(spooled)})"


def _keys(connection: duckdb.DuckDBPyConnection, table: Table) -> tuple[int, tuple[dict[str, str | None], ...]]:
    """Count and sample the keys of what differs; rows without a key are counted and not shown."""
    if not table.key:
        return int(_first(connection, "select coalesce(sum(_times), 0)::bigint from _verify_difference")), ()
    listed = ", ".join(
        f"coalesce(t{i}, c{i}::varchar)" if table.columns[i].has_text else f"c{i}::varchar" for i in table.key
    )
    keys = f"select distinct {listed} from _verify_difference"
    names = [table.columns[i].source_name for i in table.key]
    sample = connection.execute(f"{keys} order by all limit {SAMPLE_KEYS}").fetchall()
    count = int(_first(connection, f"select count(*) from ({keys})"))
    return count, tuple(dict(zip(names, row, strict=True)) for row in sample)


def _first(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    row = connection.execute(query).fetchone()
    return str(row[0]) if row else "0"


def _replayed(table: Table, history: str) -> str:
    listed = _stored_columns(table)
    if table.key:
        key = ", ".join(table.key_names)
        return (
            f"select {listed} from (from {history} "
            f"qualify row_number() over (partition by {key} order by _epoch desc, _lsn desc, _seq desc) = 1) "
            f"where not {_GONE}"
        )
    return (
        "select * exclude (copies), unnest(range(copies)) from ("
        f"select * exclude (_op), sum(case when {_GONE} then -1 else 1 end)::bigint as copies from ("
        f"select {listed}, _op from {history}) group by all having copies > 0)"
    )
