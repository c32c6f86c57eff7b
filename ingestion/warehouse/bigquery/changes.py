"""The rows that a transaction brings one table, gathered on this side and told in two statements.

Each change is a row of a local table, in order, as the history is to have it: columns by position (c<i>, t<i> for what
stands beside), so that no source name can meet ours. The last row of a key is what the mirror gets. A value that the
source did not send (unchanged TOAST) is carried from the key's row before, here; where none came it is marked (m<i>)
and taken from the mirror, from the row of key b<j>, by the statement itself. Rows are sent once, in one file; BigQuery
reads the mirror only as far as keys of the batch can stand in it.
"""

from typing import Final

from ingestion.errors import LoadError
from ingestion.warehouse.apply import HISTORY_COLUMNS
from ingestion.warehouse.bigquery.columns import Columns
from ingestion.warehouse.bigquery.names import literal
from ingestion.warehouse.bigquery.service import LACKING
from ingestion.warehouse.bigquery.types import TEXT, local_type
from ingestion.warehouse.bigquery.work import Work
from ingestion.warehouse.table import Table

MACHINERY: Final = {"_op": TEXT, "_epoch": "INT64", "_lsn": "INT64", "_seq": "INT64", "_commit_at": "TIMESTAMP"}
# Beyond it rows are sent before the transaction ends; each such part is two statements more.
_MOST_ROWS: Final = 1_000_000
_PLACES: Final = 1 << 40  # of one staged part
_ORDERED: Final = ("INT64", "DATE", "TIMESTAMP")


class TableRows:
    """Rows of one table, of one shape."""

    def __init__(self, work: Work, shapes: Columns, table: Table) -> None:
        self.table = table
        self._work, self._shapes = work, shapes
        self._execute = work.local.session.execute
        self.name = f"_rows_{table.oid}".replace("-", "_")
        self._parts = 0
        self.unsent: set[int] = set()
        listed = [f"{place} {local_type(kind)}" for place, kind in self.types(self.positions).items()]
        self._execute(
            f"create or replace temp table {self.name} ({', '.join([*listed, ''])}"
            "_place bigint, _op varchar, _lsn bigint, _seq bigint, _commit_at timestamptz)"
        )

    @property
    def positions(self) -> range:
        """Positions of all columns."""
        return range(len(self.table.columns))

    @property
    def told(self) -> "range | tuple[int, ...]":
        """Positions of the columns that tell rows apart."""
        return self.table.key or self.positions

    def types(self, positions: "range | tuple[int, ...]") -> dict[str, str]:
        """Types of columns by place, siblings included."""
        found = {}
        for i in positions:
            found[f"c{i}"] = self.table.columns[i].type
            if self.table.columns[i].has_text:
                found[f"t{i}"] = TEXT
        return found

    def names(self, positions: "range | tuple[int, ...]", *, history: bool = False) -> list[str]:
        """Stored names in the order of `types`."""
        table = self.table
        schema = table.history_schema if history else table.mirror_schema
        wanted = [
            name
            for i in positions
            for name in (
                (table.columns[i].name, table.columns[i].text_name)
                if table.columns[i].has_text
                else (table.columns[i].name,)
            )
        ]
        return [self._shapes.stored(schema, table.name, name) for name in wanted]

    @property
    def mirror(self) -> str:
        """The mirror in SQL."""
        return self._work.service.relation(self.table.mirror_schema, self.table.name)

    @property
    def history(self) -> str:
        """The history in SQL."""
        return self._work.service.relation(self.table.history_schema, self.table.name)

    def may_lack(self, unsent: set[int]) -> None:
        """Be ready for changes that leave these columns unsent."""
        if not self.unsent:
            for number, kind in enumerate(self.types(self.table.key).values()):
                self._execute(f"alter table {self.name} add column b{number} {local_type(kind)}")
        for i in sorted(unsent - self.unsent):
            self._execute(f"alter table {self.name} add column m{i} boolean default false")
        self.unsent |= unsent

    def part(self) -> int:
        """The place that changes of another staged part begin at."""
        self._parts += 1
        return self._parts * _PLACES

    def add(self, query: str) -> None:
        """Add rows, by name."""
        self._execute(f"insert into {self.name} by name {query}")

    def bound(self) -> None:
        """Send rows on if there are very many."""
        ((count,),) = self._execute(f"select count(*) from {self.name}")
        if count > _MOST_ROWS:
            self.flush()

    def require_found(self) -> None:
        """Raise LoadError when rows are gone, or changed, that a mirror without a key has not. Only a copy can tell."""
        if self.table.key or self.table.oid in self._work.touched:
            return
        ((lost,),) = self._execute(f"select count(*) from {self._net()} where d < 0")
        if not lost:
            return
        staged = self._stage_net()
        self._work.arrive()
        ((missing,),) = self._work.service.query(f"select count(*) from ({self._left(staged)}) where d < 0")
        if missing:
            raise LoadError(f"{missing} rows of {self.table.source!r} were changed and are not in its mirror")

    def flush(self) -> None:
        """Say what the rows change; then there are none."""
        if not self._execute(f"select 1 from {self.name} limit 1"):
            return
        staged = ""
        if self.table.key or self.table.has_history:
            staged = self._stage()
        if self.table.has_history:
            self._tell_history(staged)
        if self.table.key:
            self._tell_keyed(staged)
        else:
            self._tell_bag()
        self._work.touched.add(self.table.oid)
        self._execute(f"truncate {self.name}")

    def truncate(self, lsn: int, seq: int, at: str) -> None:
        """Empty the mirror; the history gets a row for each. `at` is the time, as a literal."""
        self.flush()
        if self.table.has_history:
            listed = "".join(f"{name}, " for name in self.names(self.told, history=True))
            values = "".join(f"{name}, " for name in self.names(self.told))
            self._work.say(
                f"insert into {self.history} ({listed}{HISTORY_COLUMNS}) select {values}'truncate', "
                f"{self.table.epoch}, {lsn}, {seq}, {at} from {self.mirror}"
            )
        self._work.say(f"delete from {self.mirror} where true")
        self._work.touched.add(self.table.oid)

    def _stage(self) -> str:
        types = self.types(self.positions)
        places = [*types]
        extra = {f"m{i}": "BOOL" for i in sorted(self.unsent)}
        if self.unsent:
            extra |= {f"b{number}": kind for number, kind in enumerate(self.types(self.table.key).values())}
        last = ""
        if self.table.key:
            keys = ", ".join(self.types(self.table.key))
            last = f", row_number() over (partition by {keys} order by _place desc) = 1 as _last"
            extra["_last"] = "BOOL"
        stored = [*places, *(name for name in extra if name != "_last")]
        kinds = types | extra | {name: kind for name, kind in MACHINERY.items() if name != "_epoch"}
        query = f"select {', '.join(stored)}{last}, _op, _lsn, _seq, _commit_at from {self.name} order by _place"
        return self._work.stage(query, kinds)

    def _whole(self, staged: str, which: str = "") -> str:
        """SQL for the staged rows with what the mirror has of unsent values."""
        if not self.unsent:
            return f"(select s.* from {staged} s{which})"
        names = dict(zip(self.types(self.positions), self.names(self.positions), strict=True))
        values = ", ".join(
            f"if(ifnull(s.m{place[1:]}, false), b.{name}, s.{place}) as {place}"
            if int(place[1:]) in self.unsent
            else f"s.{place}"
            for place, name in names.items()
        )
        keys = self.types(self.table.key)
        same = self._same([f"s.b{number}" for number in range(len(keys))], "b")
        more = ", s._last" if self.table.key else ""
        return (
            f"(select {values}{more}, s._op, s._lsn, s._seq, s._commit_at from {staged} s "
            f"left join {self.mirror} b on {same}{which})"
        )

    def _same(self, values: list[str], side: str) -> str:
        """SQL for the equality of keys: of fields of both sides, or else no join finds its rows by them."""
        names = [f"{side}.{name}" for name in self.names(self.table.key)]
        if any(self.table.columns[i].has_text for i in self.table.key):  # one of the two is NULL
            return f"{row_text(names)} = {row_text(values)}"
        return " and ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))

    def _tell_history(self, staged: str) -> None:
        places = self.types(self.positions)
        listed = ", ".join([*self.names(self.positions, history=True), HISTORY_COLUMNS])
        values = ", ".join(
            [*(f"s.{place}" for place in places), "s._op", str(self.table.epoch), "s._lsn, s._seq, s._commit_at"]
        )
        self._work.say(f"insert into {self.history} ({listed}) select {values} from {self._whole(staged)} s")

    def _tell_keyed(self, staged: str) -> None:
        places, names = [*self.types(self.positions)], self.names(self.positions)
        values = ", ".join(f"s.{place}" for place in places)
        keys = self.types(self.table.key)
        distinct = f"count(distinct row({', '.join(keys)}))"
        ((others, doubled),) = self._execute(
            f"select count(*) filter (_op <> 'insert'), count(*) - {distinct} from {self.name}"
        )
        if not others and not doubled:  # inserts of new keys only: nothing to look for
            self._work.say(f"insert into {self.mirror} ({', '.join(names)}) select {values} from {staged} s")
            return
        same = self._same([f"s.{place}" for place in keys], "m")
        first = self.table.columns[self.table.key[0]]
        if first.type in _ORDERED and not any(self.table.columns[i].has_text for i in self.table.key):
            place = f"c{self.table.key[0]}"
            ((low, high),) = self._execute(f"select min({place}), max({place}) from {self.name}")
            same += f" and m.{self.names(self.table.key)[0]} between {literal(low)} and {literal(high)}"
        given = [f"{name} = s.{place}" for name, place in zip(names, places, strict=True) if place not in keys]
        updates = f"when matched then update set {', '.join(given)} " if given else ""
        self._work.say(
            f"merge into {self.mirror} m using {self._whole(staged, ' where s._last')} s on {same} "
            f"when matched and s._op = 'delete' then delete {updates}"
            f"when not matched and s._op <> 'delete' then insert ({', '.join(names)}) values ({values})"
        )

    def _tell_bag(self) -> None:
        ((count,),) = self._execute(f"select count(*) from {self._net()}")
        if not count:
            return
        staged, left = self._stage_net(), self._work.temporary()
        names, places = self.names(self.positions), [*self.types(self.positions)]
        target = f"insert into {self.mirror} ({', '.join(names)}) select {', '.join(places)}"
        say = self._work.say
        say(f"create temp table {left} as {self._left(staged)}")
        say(f"select if((select count(*) from {left} where d < 0) = 0, true, error({literal(LACKING)}))")
        say(
            f"delete from {self.mirror} m where {row_text([f'm.{name}' for name in names])} in "
            f"(select {row_text([f'b.{place}' for place in places])} from {staged} b where b.d < 0)"
        )
        say(f"{target} from {left} cross join unnest(generate_array(1, d)) where d > 0")
        say(f"{target} from {staged} cross join unnest(generate_array(1, d)) where d > 0")

    def _net(self) -> str:
        """SQL for how often each row is to be there more, or less, than before."""
        places = self.types(self.positions)
        # Two rows that differ in the sign of a zero are two rows, though the engine takes 0 and -0 for equal.
        signs = "".join(f", signbit({place})" for place, kind in places.items() if kind == "FLOAT64")
        listed = ", ".join(places)
        return (
            f"(select {listed}, sum(case _op when 'delete' then -1 else 1 end)::bigint as d from {self.name} "
            f"group by {listed}{signs} having sum(case _op when 'delete' then -1 else 1 end) <> 0)"
        )

    def _stage_net(self) -> str:
        return self._work.stage(f"select * from {self._net()}", {**self.types(self.positions), "d": "INT64"})

    def _left(self, staged: str) -> str:
        """SQL for how many of the rows that lose some stay; below 0: so many are lacking."""
        held = row_text([f"m.{name}" for name in self.names(self.positions)])
        places = self.types(self.positions)
        came = row_text([f"b.{place}" for place in places])
        listed = ", ".join(f"b.{place}" for place in places)
        return (
            f"select {listed}, b.d + ifnull(h.n, 0) as d from {staged} b left join "
            f"(select {held} as r, count(*) as n from {self.mirror} m group by r) h on h.r = {came} where b.d < 0"
        )


def row_text(values: list[str]) -> str:
    """SQL for the text of some values as one row: the same for the same values."""
    return f"to_json_string(struct({', '.join(f'{value} as f{i}' for i, value in enumerate(values))}))"
