"""Apply staged changes in Postgres: what DuckDB says in another way.

A row's identity, where it has no key, is its text as a whole: equality of types would take 1.0 and 1.00 for the same,
and some types (json, point, xml) have none.
"""

from dataclasses import dataclass

from ingestion.warehouse.apply import Applier
from ingestion.warehouse.names import quote


@dataclass(frozen=True, slots=True)
class PostgresApplier(Applier):
    """Applies ranges of one table's changes."""

    def hashed(self, columns: list[str]) -> str:
        return f"hashtextextended({row_text(columns)}, 0)"

    def resolve(self, within: str) -> str:
        key_names, key_values = self.columns(self.table.key)
        keys = ", ".join(key_values)
        newest = ", ".join(
            f"max(_n) filter (where not u{i}) over (partition by {keys} order by _n) as l{i}" for i in self.unchanged
        )
        base = " and ".join(
            f"m.{name} {self.same_key} case when o._n is null then n.{value} else o.{value} end"
            for name, value in zip(key_names, key_values, strict=True)
        )
        values = []
        types = {"_n": "bigint", "_tag": "integer", "_lsn": "bigint", "_seq": "bigint"}
        types |= self.staged_types(self.all_positions)
        for i, column in enumerate(self.table.columns):
            sides = [(f"c{i}", column.name), *([(f"t{i}", column.text_name)] if column.has_text else [])]
            values += [
                f"case when n.l{i} is null then m.{quote(name)} else s{i}.{side} end as {side}"
                if i in self.unchanged
                else f"n.{side}"
                for side, name in sides
            ]
        sent = " ".join(f"left join {self.new} s{i} on s{i}._n = n.l{i}" for i in self.unchanged)
        target = f"{self.new}_whole"
        self.session.keep(
            target,
            f"select n._n, n._tag, n._lsn, n._seq, {', '.join(values)} "
            f"from (select *, {newest} from {self.new} where {within}) n {sent} "
            f"left join {self.old} o on o._n = n._n - 1 left join {self.table.mirror} m on {base}",
            types,
        )
        return target

    def write_bag(self, new: str, within: str) -> None:
        names, values = self.columns(self.all_positions)
        staged, stored = row_text(values), row_text([f"m.{name}" for name in names])
        self.session.keep(
            "_bag",
            "select _row, sum(d)::bigint as d, max(_n) filter (where d > 0) as _n from ("
            f"select {staged} as _row, 1 as d, _n from {new} where {within} union all "
            f"select {staged}, -1, _n from {self.old} where {within}) as both_ways group by _row having sum(d) <> 0",
            {"_row": "text", "d": "bigint", "_n": "bigint"},
        )
        self.require_found(
            f"with gone as (delete from {self.table.mirror} where ctid in (select id from ("
            f"select m.ctid as id, -b.d as surplus, row_number() over (partition by b._row) as place "
            f"from {self.table.mirror} m join _bag b on b._row = {stored} where b.d < 0) as found "
            f"where place <= surplus) returning 1) "
            f"select coalesce(sum(-d), 0) - (select count(*) from gone) from _bag where d < 0"
        )
        self.session.execute(
            f"insert into {self.table.mirror} ({', '.join(names)}) "
            f"select {', '.join(f'n.{value}' for value in values)} from _bag b join {new} n on n._n = b._n "
            f"cross join generate_series(1, b.d) where b.d > 0"
        )


def row_text(values: list[str]) -> str:
    """SQL for the text of some values as one row: the same if and only if each value's own text is."""
    return f"row({', '.join(values)})::text"
