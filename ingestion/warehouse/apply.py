"""Apply staged changes to mirror and history, inside the caller's transaction: what is the same in every SQL engine.

Staged are two temporary tables, columns by position so that no source name can meet ours: `new` holds the new tuples
of inserts and updates, `old` the old tuples of deletes, and of updates that sent one. A keyed mirror takes the last
state of each key; a table without a key is a bag of rows, of which exactly as many are added and removed as the changes
say. Values that the source did not send (unchanged TOAST) are carried from the row's previous state: an earlier change
in the range, else the mirror.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

from ingestion.errors import LoadError
from ingestion.warehouse.names import quote
from ingestion.warehouse.session import Session
from ingestion.warehouse.table import Table

HISTORY_COLUMNS: Final = "_op, _epoch, _lsn, _seq, _commit_at"


@dataclass(frozen=True, slots=True)
class Applier(ABC):
    """Applies ranges of one table's changes. `_tx` maps `_lsn` to the clock's time; `unchanged`: columns with u<i>."""

    session: Session
    table: Table
    new: str
    old: str
    unchanged: tuple[int, ...]

    def drop_same_keys(self) -> None:
        """Forget old tuples of updates that kept their key (replica identity full sends them always)."""
        if self.table.key:
            _, keys = self.columns(self.table.key)
            same = " and ".join(f"n.{value} is not distinct from o.{value}" for value in keys)
            self.session.execute(
                f"delete from {self.old} o using {self.new} n where n._n = o._n + 1 and o._tag = ascii('U') and {same}"
            )

    def carried_key_changes(self) -> list[tuple[int, int, int]]:
        """Updates that change the key and leave values unsent: (`_n` of the new tuple, hashes of old and new key)."""
        if not self.table.key or not self.unchanged:
            return []
        unsent = " or ".join(f"n.u{i}" for i in self.unchanged)
        _, keys = self.columns(self.table.key)
        before, after = (self.hashed([f"{side}.{value}" for value in keys]) for side in "on")
        rows = self.session.execute(
            f"select n._n, {before}, {after} from {self.new} n "
            f"join {self.old} o on n._n = o._n + 1 where {unsent} order by 1"
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def apply(self, first: int, last: int) -> None:
        """Apply the changes with first <= _n <= last to history and mirror, in this order."""
        within = f"_n between {first} and {last}"
        new = self.resolve(within) if self.unchanged else self.new
        if self.table.has_history:
            self._write_history(new, within)
        if self.table.key:
            self._write_keyed(new, within)
        else:
            self.write_bag(new, within)

    def truncate(self, lsn: int, seq: int) -> None:
        """Empty the mirror; the history gets one row for each row that was there."""
        if self.table.has_history:
            names = "".join(f"{name}, " for name in self.columns(self.table.key or self.all_positions)[0])
            self.session.execute(
                f"insert into {self.table.history} ({names}{HISTORY_COLUMNS}) "
                f"select {names}'truncate', {self.table.epoch}, {lsn}, {seq}, "
                f"(select clock_at from _tx where _lsn = {lsn}) from {self.table.mirror}"
            )
        self.session.execute(f"delete from {self.table.mirror}")

    @abstractmethod
    def hashed(self, columns: list[str]) -> str:
        """SQL for an integer that is the same for the same values."""

    @abstractmethod
    def resolve(self, within: str) -> str:
        """Fill in unsent values: the newest sent one of the key in the range, else what the mirror holds.

        A key change takes what the mirror holds under the old key; the caller sees to it that such a key has no
        earlier change in the range. Returns the name of the whole tuples.
        """

    def require_found(self, lacking: str) -> None:
        """Raise LoadError when a query counts rows that changed and are not in the mirror: only a copy can mend it."""
        ((count,),) = self.session.execute(lacking)
        if count:
            raise LoadError(f"{count} rows of {self.table.source!r} were changed and are not in its mirror")

    @abstractmethod
    def write_bag(self, new: str, within: str) -> None:
        """Add and remove rows of a mirror without a key, as many as there were."""

    @property
    def same_key(self) -> str:
        """The comparison of key values that is true for equal ones. A key with a sibling is NULL in one of the two."""
        return "is not distinct from" if any(self.table.columns[i].has_text for i in self.table.key) else "="

    def columns(self, positions: "range | tuple[int, ...]", prefix: str = "") -> tuple[list[str], list[str]]:
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

    def staged_types(self, positions: "range | tuple[int, ...]") -> dict[str, str]:
        """Types of the staged columns, siblings included."""
        found = {}
        for i in positions:
            found[f"c{i}"] = self.table.columns[i].type
            if self.table.columns[i].has_text:
                found[f"t{i}"] = "text"
        return found

    @property
    def all_positions(self) -> range:
        """Positions of all columns."""
        return range(len(self.table.columns))

    def _write_history(self, new: str, within: str) -> None:
        names, values = self.columns(self.all_positions, "n.")
        self.session.execute(
            f"insert into {self.table.history} ({', '.join([*names, HISTORY_COLUMNS])}) "
            f"select {', '.join([*values, ''])} case n._tag when ascii('I') then 'insert' else 'update' end, "
            f"{self.table.epoch}, n._lsn, n._seq, t.clock_at "
            f"from {new} n join _tx t on t._lsn = n._lsn where n.{within}"
        )
        names, values = self.columns(self.table.key or self.all_positions, "o.")
        self.session.execute(
            f"insert into {self.table.history} ({', '.join([*names, HISTORY_COLUMNS])}) "
            f"select {', '.join([*values, ''])} 'delete', {self.table.epoch}, o._lsn, "
            f"case o._tag when ascii('D') then o._seq else o._seq - 1 end, t.clock_at "
            f"from {self.old} o join _tx t on t._lsn = o._lsn where o.{within}"
        )

    def _write_keyed(self, new: str, within: str) -> None:
        key_names, key_values = self.columns(self.table.key)
        keys = ", ".join(key_values)
        counted = self.session.execute(
            f"select count(*) filter (where _tag <> ascii('I')), count(distinct ({keys})) - count(*) from {new} "
            f"where {within} union all select count(*), 0 from {self.old} where {within}"
        )
        names, values = self.columns(self.all_positions, "n.")
        target = f"insert into {self.table.mirror} ({', '.join(names)})"
        if all(row == (0, 0) for row in counted):  # inserts of new keys only: nothing to remove
            self.session.execute(f"{target} select {', '.join(values)} from {new} n where {within}")
            return
        touched = f"_touched_{self.table.oid}"
        self.session.keep(
            touched,
            f"select {keys}, max(_n) as _n from (select {keys}, _n from {new} where {within} union all "
            f"select {keys}, _n from {self.old} where {within}) as places group by {keys}",
            {**self.staged_types(self.table.key), "_n": "bigint"},
        )
        same = " and ".join(
            f"m.{name} {self.same_key} t.{value}" for name, value in zip(key_names, key_values, strict=True)
        )
        self.session.execute(f"delete from {self.table.mirror} m using {touched} t where {same}")
        self.session.execute(f"{target} select {', '.join(values)} from {new} n join {touched} t on t._n = n._n")
