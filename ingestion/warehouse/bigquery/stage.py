"""Stage a batch's changes of one table: cast them on this side, and put them in the order in which they apply."""

from dataclasses import dataclass

import pyarrow as pa

from ingestion.warehouse.bigquery.changes import TableRows
from ingestion.warehouse.bigquery.local import Local
from ingestion.warehouse.bigquery.names import literal
from ingestion.warehouse.bigquery.types import cast_text, may_fail
from ingestion.warehouse.table import Table


def typed_columns(table: Table, positions: "range | tuple[int, ...]", *, all_texts: bool = False) -> list[str]:
    """SELECT expressions that turn text c<i> into typed c<i>, and t<i> where there is, or may be, a sibling."""
    found = []
    for i in positions:
        column = table.columns[i]
        typed = cast_text(f"c{i}", column.type)
        found.append(f"{typed} as c{i}")
        if column.has_text or (all_texts and may_fail(column.type)):
            found.append(f"case when {typed} is null then c{i} end as t{i}")
    return found


def unfit_columns(local: Local, table: Table, rows: pa.Table, positions: "range | tuple[int, ...]") -> set[int]:
    """Columns without a sibling of which a value does not fit its type."""
    fallible = [i for i in positions if may_fail(table.columns[i].type) and not table.columns[i].has_text]
    if not fallible or not rows.num_rows:
        return set()
    local.session.bring("_rows", rows)
    tests = ", ".join(f"count(c{i}) - count({cast_text(f'c{i}', table.columns[i].type)})" for i in fallible)
    lost = local.session.execute(f"select {tests} from _rows")[0]
    local.session.forget("_rows")
    return {i for i, count in zip(fallible, lost, strict=True) if count}


@dataclass(frozen=True, slots=True)
class BigqueryChanges:
    """Changes of one table, of one part of a batch. See `ingestion.warehouse.destination.StagedChanges`."""

    table: Table
    local: Local
    rows: TableRows
    new: str
    old: str
    unchanged: tuple[int, ...]
    part: int

    def carried_key_changes(self) -> list[tuple[int, int, int]]:
        if not self.table.key or not self.unchanged:
            return []
        unsent = " or ".join(f"n.u{i}" for i in self.unchanged)
        before, after = (f"hash({', '.join(f'{side}.{key}' for key in self._keys)})" for side in "on")
        rows = self.local.session.execute(
            f"select n._n, {before}, {after} from {self.new} n join {self.old} o on n._n = o._n + 1 "
            f"where {unsent} order by 1"
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def apply(self, first: int, last: int) -> None:
        within = f"_n between {first} and {last}"
        new = self._resolved(within) if self.unchanged else f"(from {self.new} where {within})"
        marks = [f"m{i}" for i in self.unchanged]
        marks += [f"b{number}" for number in range(len(self._keys))] if self.unchanged else []
        columns = ", ".join(
            [*(f"n.{place}" for place in self.rows.types(self.rows.positions)), *(f"n.{m}" for m in marks)]
        )
        stamps = f"{self.part} + {{0}}._n as _place, {{0}}._lsn, t.clock_at as _commit_at"
        told = ", ".join(f"o.{place}" for place in self.rows.types(self.rows.told))
        self.rows.add(
            f"select {columns}, case n._tag when ascii('I') then 'insert' else 'update' end as _op, n._seq, "
            f"{stamps.format('n')} from {new} n left join _tx t on t._lsn = n._lsn"
        )
        self.rows.add(
            f"select {told}, 'delete' as _op, case o._tag when ascii('D') then o._seq else o._seq - 1 end as _seq, "
            f"{stamps.format('o')} from (from {self.old} where {within}) o left join _tx t on t._lsn = o._lsn"
        )
        self.rows.require_found()
        self.rows.bound()

    def truncate(self, lsn: int, seq: int) -> None:
        self.rows.truncate(lsn, seq, clock_literal(self.local, lsn))

    @property
    def _keys(self) -> list[str]:
        return [*self.rows.types(self.table.key)]

    def _resolved(self, within: str) -> str:
        """Fill in unsent values from the key's rows before; what none of them has is marked.

        A key change takes them from its old key, which the caller sees to that nothing else in the range touches.
        """
        keys = ", ".join(f"n.{key}" for key in self._keys)
        base = [f"case when o._n is null then n.{key} else o.{key} end" for key in self._keys]
        same = " and ".join(f"r.{key} is not distinct from {one}" for key, one in zip(self._keys, base, strict=True))
        window = f"over (partition by {keys} order by n._n rows unbounded preceding)"
        changed, marks = [], []
        for i in self.unchanged:
            newest = f"last_value(case when not n.u{i} then struct_pack(v := n.{{0}}) end ignore nulls) {window}"
            for place in (f"c{i}", *([f"t{i}"] if self.table.columns[i].has_text else [])):
                given = newest.format(place)
                changed.append(f"case when {given} is null then r.{place} else ({given}).v end as {place}")
            marks.append(f"{newest.format(f'c{i}')} is null and (r._op is null or coalesce(r.m{i}, false)) as m{i}")
        marks += [
            f"case when r._op is null then {one} else r.b{number} end as b{number}" for number, one in enumerate(base)
        ]
        before = (
            f"(select * from {self.rows.name} qualify row_number() over "
            f"(partition by {', '.join(self._keys)} order by _place desc) = 1)"
        )
        target = f"{self.new}_whole"
        self.local.session.keep(
            target,
            f"select n.* replace ({', '.join(changed)}), {', '.join(marks)} from (from {self.new} where {within}) n "
            f"left join {self.old} o on o._n = n._n - 1 left join {before} r on {same}",
        )
        return target


def stage(local: Local, rows: TableRows, new: pa.Table, old: pa.Table) -> BigqueryChanges:
    """Cast a part's changes. The table has the siblings that they need."""
    table = rows.table
    unchanged = tuple(i for i in rows.positions if f"u{i}" in new.column_names)
    suffix = str(table.oid).replace("-", "_")
    names = f"_new_{suffix}", f"_old_{suffix}"
    extra = "".join(f", u{i}" for i in unchanged)
    for name, came, positions, more in ((names[0], new, rows.positions, extra), (names[1], old, rows.told, "")):
        local.session.bring("_rows", came)
        columns = ", ".join(["_n", "_tag", "_lsn", "_seq", *typed_columns(table, positions)])
        local.session.keep(name, f"select {columns}{more} from _rows")
        local.session.forget("_rows")
    if table.key:  # replica identity full sends old tuples of updates that kept their key, too
        same = " and ".join(f"n.{key} is not distinct from o.{key}" for key in rows.types(table.key))
        local.session.execute(
            f"delete from {names[1]} o using {names[0]} n where n._n = o._n + 1 and o._tag = ascii('U') and {same}"
        )
    if unchanged:
        rows.may_lack(set(unchanged))
    return BigqueryChanges(table, local, rows, *names, unchanged, rows.part())


def clock_literal(local: Local, lsn: int) -> str:
    """The clock's time at a position of this transaction, as a literal."""
    rows = local.session.execute(f"select clock_at from _tx where _lsn = {lsn:d}")
    return literal(rows[0][0] if rows else None)
