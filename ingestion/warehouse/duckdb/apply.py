"""Apply staged changes to mirror and history, inside the caller's transaction.

A keyed mirror takes the last state of each key; a table without a key is a bag of rows, of which exactly as many are
added and removed as the changes say. Values that the source did not send (unchanged TOAST) are carried from the row's
previous state: an earlier change in the range, else the mirror.
"""

from dataclasses import dataclass

import duckdb

from ingestion.warehouse.duckdb.stage import Staged
from ingestion.warehouse.names import quote
from ingestion.warehouse.table import Table


@dataclass(frozen=True, slots=True)
class Applier:
    """Applies ranges of staged changes of one table. `_tx` maps `_lsn` to the clock's time `clock_at`."""

    connection: duckdb.DuckDBPyConnection
    table: Table
    staged: Staged

    def drop_same_keys(self) -> None:
        """Forget old tuples of updates that kept their key (replica identity full sends them always)."""
        if self.table.key:
            same = " and ".join(f"n.c{i} is not distinct from o.c{i}" for i in self.table.key)
            self.connection.execute(
                f"delete from {self.staged.old} o using {self.staged.new} n "
                f"where n._n = o._n + 1 and o._tag = ascii('U') and {same}"
            )

    def carried_key_changes(self) -> list[tuple[int, int, int]]:
        """Updates that change the key and leave values unsent: (`_n` of the new tuple, hashes of old and new key)."""
        if not self.table.key or not self.staged.unchanged:
            return []
        unsent = " or ".join(f"n.u{i}" for i in self.staged.unchanged)
        keys = [", ".join(f"{side}.c{i}" for i in self.table.key) for side in "on"]
        return self.connection.execute(
            f"select n._n, hash({keys[0]}), hash({keys[1]}) from {self.staged.new} n "
            f"join {self.staged.old} o on n._n = o._n + 1 where {unsent} order by 1"
        ).fetchall()

    def apply(self, first: int, last: int) -> None:
        """Apply the changes with first <= _n <= last to history and mirror, in this order."""
        within = f"_n between {first} and {last}"
        new = self.staged.new
        if self.staged.unchanged:
            new = self._resolve(within)
        self._write_history(new, within)
        if self.table.key:
            self._write_keyed(new, within)
        else:
            self._write_bag(new, within)

    def truncate(self, lsn: int, seq: int) -> None:
        """Empty the mirror; the history gets one row for each row that was there."""
        positions = self.table.key or range(len(self.table.columns))
        names = ", ".join(quote(self.table.columns[i].name) for i in positions)
        self.connection.execute(
            f"insert into {self.table.history} ({names}, _op, _epoch, _lsn, _seq, _commit_at) "
            f"select {names}, 'truncate', {self.table.epoch}, {lsn}, {seq}, "
            f"(select clock_at from _tx where _lsn = {lsn}) from {self.table.mirror}"
        )
        self.connection.execute(f"delete from {self.table.mirror}")

    def _positions(self) -> range:
        return range(len(self.table.columns))

    def _columns(self, positions: "range | tuple[int, ...]", prefix: str = "") -> tuple[list[str], list[str]]:
        """Target column names and the staged expressions for them, siblings included."""
        names, values = [], []
        for i in positions:
            column = self.table.columns[i]
            names.append(quote(column.name))
            values.append(f"{prefix}c{i}")
            if column.has_text:
                names.append(quote(column.text_name))
                values.append(f"{prefix}t{i}")
        return names, values

    def _resolve(self, within: str) -> str:
        """Fill in unsent values: the newest sent one of the key in the range, else what the mirror holds.

        A key change takes what the mirror holds under the old key; the caller sees to it that such a key has no
        earlier change in the range.
        """
        keys = ", ".join(f"n.c{i}" for i in self.table.key)
        window = f"over (partition by {keys} order by n._n rows unbounded preceding)"
        base = " and ".join(
            f"m.{quote(self.table.columns[i].name)} = case when o._n is null then n.c{i} else o.c{i} end"
            for i in self.table.key
        )
        changed = []
        for i in self.staged.unchanged:
            column = self.table.columns[i]
            sides = [(f"c{i}", quote(column.name))]
            if column.has_text:
                sides.append((f"t{i}", quote(column.text_name)))
            for value, name in sides:
                newest = f"last_value(case when not n.u{i} then struct_pack(v := n.{value}) end ignore nulls) {window}"
                changed.append(f"case when {newest} is null then m.{name} else ({newest}).v end as {value}")
        target = f"{self.staged.new}_whole"
        self.connection.execute(
            f"create or replace temp table {target} as select n.* replace ({', '.join(changed)}) "
            f"from (from {self.staged.new} where {within}) n "
            f"left join {self.staged.old} o on o._n = n._n - 1 left join {self.table.mirror} m on {base}"
        )
        return target

    def _write_history(self, new: str, within: str) -> None:
        machinery = "_op, _epoch, _lsn, _seq, _commit_at"
        names, values = self._columns(self._positions())
        self.connection.execute(
            f"insert into {self.table.history} ({', '.join([*names, machinery])}) "
            f"select {', '.join([*values, ''])} case _tag when ascii('I') then 'insert' else 'update' end, "
            f"{self.table.epoch}, _lsn, _seq, clock_at from {new} join _tx using (_lsn) where {within}"
        )
        names, values = self._columns(self.table.key or self._positions())
        self.connection.execute(
            f"insert into {self.table.history} ({', '.join([*names, machinery])}) "
            f"select {', '.join([*values, ''])} 'delete', {self.table.epoch}, _lsn, "
            f"case _tag when ascii('D') then _seq else _seq - 1 end, clock_at "
            f"from {self.staged.old} join _tx using (_lsn) where {within}"
        )

    def _write_keyed(self, new: str, within: str) -> None:
        keys = ", ".join(f"c{i}" for i in self.table.key)
        counted = self.connection.execute(
            f"select count(*) filter (where _tag <> ascii('I')), count(distinct ({keys})) - count(*) from {new} "
            f"where {within} union all select count(*), 0 from {self.staged.old} where {within}"
        ).fetchall()
        names, values = self._columns(self._positions(), "n.")
        target = f"insert into {self.table.mirror} ({', '.join(names)})"
        if all(row == (0, 0) for row in counted):  # inserts of new keys only: nothing to remove
            self.connection.execute(f"{target} select {', '.join(values)} from {new} n where {within}")
            return
        self.connection.execute(
            f"create or replace temp table _touched as select {keys}, max(_n) as _n from ("
            f"select {keys}, _n from {new} where {within} union all "
            f"select {keys}, _n from {self.staged.old} where {within}) group by all"
        )
        same = " and ".join(f"m.{quote(self.table.columns[i].name)} = t.c{i}" for i in self.table.key)
        self.connection.execute(f"delete from {self.table.mirror} m using _touched t where {same}")
        self.connection.execute(f"{target} select {', '.join(values)} from {new} n semi join _touched using (_n)")

    def _write_bag(self, new: str, within: str) -> None:
        names, values = self._columns(self._positions())
        listed = ", ".join(values)
        self.connection.execute(
            f"create or replace temp table _bag as select {listed}, sum(d)::bigint as d from ("
            f"select {listed}, 1 as d from {new} where {within} union all "
            f"select {listed}, -1 from {self.staged.old} where {within}) group by all having sum(d) <> 0"
        )
        same = " and ".join(
            f"m.{name} is not distinct from b.{value}" for name, value in zip(names, values, strict=True)
        )
        copies = ", ".join(f"m.{name}" for name in names)
        self.connection.execute(
            f"delete from {self.table.mirror} where rowid in (select id from ("
            f"select m.rowid as id, -b.d as surplus, row_number() over (partition by {copies}) "
            f"as place from {self.table.mirror} m join _bag b on {same} where b.d < 0) where place <= surplus)"
        )
        self.connection.execute(
            f"insert into {self.table.mirror} ({', '.join(names)}) "
            f"select {listed} from (select *, unnest(range(d)) from _bag where d > 0)"
        )
