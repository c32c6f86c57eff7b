"""Views: what of a source relation lands in which table, and in which form.

Made right behind the decoding, so that all that follows (staging, mirrors, histories, copies, comparison) sees an
ordinary relation with ordinary values and knows nothing of privacy; clear values of hashed and masked columns never
reach a warehouse, not even its temporary tables. A relation has one view, or two where it has protected columns: these
land apart, with the key, in a table whose number is the relation's OID with one bit more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import duckdb
import pyarrow as pa

from ingestion.errors import SelectionError
from ingestion.postgres.pgoutput import Changes, Column, Relation
from ingestion.selection.hash_key import HashKey
from ingestion.selection.rules import Class, ColumnRule, Selection, Treatment

MASK: Final = "***"
_APART: Final = 1 << 32
_HASHED: Final = "sha256($outer::blob || unhex(sha256($inner::blob || encode({0}))))"


@dataclass(frozen=True, slots=True)
class View:
    """One table's part of a relation. `taken` has the columns as they come, `relation` as they land.

    `places` are the columns' positions at the source, `treated` those (in the view) that land in another form. `apart`:
    it holds the protected columns. `digest` tells what is selected from what was.
    """

    taken: Relation
    relation: Relation
    places: tuple[int, ...]
    treated: Mapping[int, Treatment]
    apart: bool
    digest: str

    @property
    def hashes(self) -> bool:
        """Whether some column of it is hashed: its SQL then has the key's parameters."""
        return Treatment.HASH in self.treated.values()

    @property
    def whole(self) -> bool:
        """Whether it is the relation as it comes, untouched."""
        return self.taken is self.relation

    def of_changes(self, changes: Changes) -> Changes:
        """Take its columns out of decoded changes of the whole relation; the values are as they came."""
        if self.whole:
            return changes
        new, old = ([values[i] for i in self.places] if values else values for values in (changes.new, changes.old))
        return replace(changes, new=new, old=old)

    def of_rows(self, rows: pa.Table) -> pa.Table:
        """Take its columns out of rows of the whole relation (text c<i>); the values are as they came."""
        if self.whole:
            return rows
        return pa.table({f"c{number}": rows.column(f"c{i}") for number, i in enumerate(self.places)})


# No directory for what does not fit: it would hold the values that are to be kept out.
ENGINE: Final[dict[str, str | bool | int | float | list[str]]] = {"memory_limit": "256MB", "temp_directory": ""}


class Treater:
    """Brings values into the form in which they land, column by column, in an engine of its own, in memory."""

    def __init__(self, key: HashKey | None) -> None:
        self._key = key
        self._engine: duckdb.DuckDBPyConnection | None = None

    def treat(self, view: View, rows: pa.Table) -> pa.Table:
        """Treat the text columns c<i> of a view's rows. NULL stays NULL, and what was not sent stays unsent."""
        if not view.treated or not rows.num_rows:
            return rows
        listed = ", ".join(f"{self.expression(view, i, f'c{i}')} as c{i}" for i in view.treated)
        if self._engine is None:
            self._engine = duckdb.connect(config=ENGINE)
        self._engine.register("_rows", rows.select([f"c{i}" for i in view.treated]))
        try:
            treated = self._engine.sql(f"select {listed} from _rows", params=self.parameters if view.hashes else None)
            found = treated.to_arrow_table()
        finally:
            self._engine.unregister("_rows")
        for i in view.treated:
            at = rows.column_names.index(f"c{i}")
            rows = rows.set_column(at, f"c{i}", found.column(f"c{i}").cast(pa.string_view()))
        return rows

    @property
    def parameters(self) -> dict[str, object]:
        """The key, as `expression` asks for it. As secret as it."""
        if self._key is None:
            raise SelectionError("a hashed column has no key; set FLUX_HASH_KEY_FILE")
        inner, outer = self._key.pads
        return {"inner": inner, "outer": outer}

    def expression(self, view: View, position: int, value: str) -> str:
        """Build the DuckDB SQL that brings a text value of a view's column into its form."""
        how = view.treated.get(position)
        if how is None:
            return value
        treated = _HASHED.format(value) if how is Treatment.HASH else f"'{MASK}'"
        return f"case when {value} is not null then {treated} end"


def views(selection: Selection, relation: Relation, protected_schemas: Sequence[str] = ()) -> tuple[View, ...]:
    """Give the views of a relation; the first has its name and OID, another one its protected columns.

    Tables of protected schemas land in `restricted` as a whole. Raises SelectionError where nothing would tell the
    rows of a view apart: the plan refuses such a table.
    """
    rules, digest = selection.columns(relation.source), selection.digest(relation.source)
    if rules is None:
        return (View(relation, relation, tuple(range(len(relation.columns))), {}, False, digest),)
    for name in relation.key:
        rule = rules.get(name)
        if rule is None or rule.treatment in (Treatment.DROP, Treatment.MASK):
            raise SelectionError(f"key column {name!r} of {relation.source!r} is not let out; 'flux plan' has the fix")
    split = relation.schema not in protected_schemas and any(_is_apart(rule) for rule in rules.values())
    left_out = tuple(
        name for name in (*(column.name for column in relation.columns), *relation.left_out) if name not in rules
    )
    first, second = [], list(relation.key_positions)
    for i, column in enumerate(relation.columns):
        rule = rules.get(column.name)
        if rule is None or not rule.lands:
            continue
        if not (split and _is_apart(rule)):
            first.append(i)
        elif i not in second:
            second.append(i)
    found = (_view(selection, relation, rules, sorted(first), left_out, digest),)
    if not split:
        return found
    return (*found, _view(selection, relation, rules, sorted(second), (), digest, apart=True))


def source_oid(number: int) -> int:
    """Give the source's OID of a table's number (negative ones stand for tables that are gone)."""
    return number % _APART if number >= 0 else number


def numbers(oid: int) -> tuple[int, int]:
    """Give the numbers of the tables that a relation may land in."""
    return oid, oid + _APART


def _is_apart(rule: ColumnRule) -> bool:
    return rule.kind is Class.PROTECTED and rule.lands


def _view(
    selection: Selection,
    relation: Relation,
    rules: Mapping[str, ColumnRule],
    places: list[int],
    left_out: tuple[str, ...],
    digest: str,
    *,
    apart: bool = False,
) -> View:
    columns = tuple(relation.columns[i] for i in places)
    taken = replace(
        relation,
        oid=relation.oid + _APART if apart else relation.oid,
        columns=columns,
        left_out=left_out,
    )
    treated = {
        number: rules[column.name].treatment
        for number, column in enumerate(columns)
        if rules[column.name].treatment is not Treatment.KEEP
    }
    landed = tuple(
        _landed(selection.key, column, treated[number]) if number in treated else column
        for number, column in enumerate(columns)
    )
    return View(taken, replace(taken, columns=landed), tuple(places), treated, apart, digest)


def _landed(key: HashKey | None, column: Column, how: Treatment) -> Column:
    """Describe a column as it lands: text, declared so that another treatment, type or key makes another column."""
    if how is Treatment.HASH:
        if key is None:
            raise SelectionError("a hashed column has no key; set FLUX_HASH_KEY_FILE")
        declared = f"hash {key.fingerprint} of {column.declared}"
        missing = key.hash(column.missing) if column.missing is not None else None
    else:
        declared = f"mask of {column.declared}"
        missing = MASK if column.missing is not None else None
    return replace(column, type_oid=25, type="text", kind="b", typmod=-1, declared=declared, missing=missing)
