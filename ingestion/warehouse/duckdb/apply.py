"""Apply staged changes in DuckDB: what Postgres says in another way."""

from dataclasses import dataclass

from ingestion.warehouse.apply import Applier
from ingestion.warehouse.names import quote


@dataclass(frozen=True, slots=True)
class DuckdbApplier(Applier):
    """Applies ranges of one table's changes."""

    def hashed(self, columns: list[str]) -> str:
        return f"hash({', '.join(columns)})"

    def resolve(self, within: str) -> str:
        key_names, key_values = self.columns(self.table.key)
        keys = ", ".join(f"n.{value}" for value in key_values)
        window = f"over (partition by {keys} order by n._n rows unbounded preceding)"
        base = " and ".join(
            f"m.{name} {self.same_key} case when o._n is null then n.{value} else o.{value} end"
            for name, value in zip(key_names, key_values, strict=True)
        )
        changed = []
        for i in self.unchanged:
            column = self.table.columns[i]
            sides = [(f"c{i}", quote(column.name))]
            if column.has_text:
                sides.append((f"t{i}", quote(column.text_name)))
            for value, name in sides:
                newest = f"last_value(case when not n.u{i} then struct_pack(v := n.{value}) end ignore nulls) {window}"
                changed.append(f"case when {newest} is null then m.{name} else ({newest}).v end as {value}")
        target = f"{self.new}_whole"
        self.session.execute(
            f"create or replace temp table {target} as select n.* replace ({', '.join(changed)}) "
            f"from (from {self.new} where {within}) n "
            f"left join {self.old} o on o._n = n._n - 1 left join {self.table.mirror} m on {base}"
        )
        return target

    def write_bag(self, new: str, within: str) -> None:
        names, values = self.columns(self.all_positions)
        listed = ", ".join(values)
        # Two rows that differ in the sign of a zero are two rows, though the engine takes 0 and -0 for equal.
        floats = [i for i, column in enumerate(self.table.columns) if column.type in ("FLOAT", "DOUBLE")]
        signs = "".join(f", signbit(c{i}) as z{i}" for i in floats)
        self.session.execute(
            f"create or replace temp table _bag as select {listed}{signs}, sum(d)::bigint as d from ("
            f"select {listed}, 1 as d from {new} where {within} union all "
            f"select {listed}, -1 from {self.old} where {within}) group by all having sum(d) <> 0"
        )
        pairs = [(f"m.{name}", f"b.{value}") for name, value in zip(names, values, strict=True)]
        pairs += [(f"signbit(m.{quote(self.table.columns[i].name)})", f"b.z{i}") for i in floats]
        same = " and ".join(f"{ours} is not distinct from {theirs}" for ours, theirs in pairs)
        # Equal rows go together and as many come back as are to stay: nothing needs to tell them apart. A delete of
        # chosen rowids would, and DuckDB 2.0.0 corrupts its memory at it where the transaction added rows before.
        chosen = ", ".join([*(f"b.{value}" for value in values), *(f"b.z{i}" for i in floats)])
        self.session.execute(
            f"create or replace temp table _left as select {chosen}, count(*) + any_value(b.d) as d "
            f"from {self.table.mirror} m join _bag b on {same} where b.d < 0 group by {chosen}"
        )
        self.require_found(
            "select (select count(*) from _bag where d < 0) - count(*) + count(*) filter (where d < 0) from _left"
        )
        self.session.execute(f"delete from {self.table.mirror} m using _bag b where b.d < 0 and {same}")
        target = (
            f"insert into {self.table.mirror} ({', '.join(names)}) select {listed} from (select *, unnest(range(d))"
        )
        self.session.execute(f"{target} from _left where d > 0)")
        self.session.execute(f"{target} from _bag where d > 0)")
