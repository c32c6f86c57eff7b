"""From a source relation to its table in the warehouse, and from one shape of it to the next."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from ingestion.errors import LoadError, SelectionError
from ingestion.load.retypes import keeps_text
from ingestion.postgres.pgoutput import Column, Relation
from ingestion.selection.rules import Selection
from ingestion.selection.views import View, views
from ingestion.warehouse.destination import ColumnChange, Destination, Dialect
from ingestion.warehouse.machinery import KEY_CHANGE, Machinery
from ingestion.warehouse.names import PROTECTED, column_names, distinct, landing_schemas
from ingestion.warehouse.table import Table, TableColumn
from ingestion.warehouse.types import SourceType


@dataclass(frozen=True, slots=True)
class Landing:
    """Where relations land, and what of them. `protected` source schemas and columns land in `restricted`.

    `history`: whether new tables have one.
    """

    protected: Collection[str]
    dialect: Dialect
    history: bool = True
    selection: Selection = field(default_factory=Selection)

    def views(self, relation: Relation) -> tuple[View, ...]:
        """Give what of a relation lands, table by table. Raises LoadError where the selection cannot be followed."""
        try:
            return views(self.selection, relation, tuple(self.protected))
        except SelectionError as error:
            raise LoadError(str(error)) from error

    def view(self, relation: Relation, table: Table) -> View:
        """Give what of a relation lands in one of its tables. Raises LoadError."""
        for view in self.views(relation):
            if view.relation.oid == table.oid:
                return view
        raise LoadError(f"nothing of {table.source!r} lands in {table.relation!r} any more")

    def predecessor(self, view: View, tables: Iterable[Table]) -> Table | None:
        """Find what stands at a view's place: the table that bore its name before, be it another one at the source.

        A relation's place goes by its name, since that is what models ask for. A table that was renamed is copied to
        its new place, and what it was called before stops there.
        """
        mirror, _ = self._schemas(view)
        found = (t for t in tables if t.source == view.relation.source and t.mirror_schema == mirror)
        return next(found, None)

    def _schemas(self, view: View) -> tuple[str, str]:
        if view.apart:
            return PROTECTED
        mirror, history = landing_schemas(view.relation.schema, self.protected, self.dialect.name_bytes)
        return self.dialect.spell(mirror), self.dialect.spell(history)

    def table(self, view: View, epoch: int, snapshot_lsn: int, others: Iterable[Table]) -> Table:
        """Lay out the table of a view; keeps the name that its source has already."""
        others, relation = list(others), view.relation
        mirror, history = self._schemas(view)
        before = self.predecessor(view, others)
        taken = [t.name for t in others if t.mirror_schema == mirror and t is not before]
        name = (
            before.name
            if before is not None
            else distinct(self.dialect.spell(relation.name), taken, self.dialect.name_bytes)
        )
        columns = _columns(relation.columns, self.dialect)
        if before is not None:
            texts = {column.name for column in before.columns if column.has_text}
            columns = tuple(replace(column, has_text=column.name in texts) for column in columns)
        return Table(
            relation.source,
            relation.oid,
            mirror,
            history,
            name,
            columns,
            relation.key_positions,
            epoch,
            snapshot_lsn,
            has_history=self.history,
            selection=view.digest,
            left_out=relation.left_out if view.digest else (),
        )


def reshape(destination: Destination, table: Table, relation: Relation, at: tuple[int, int]) -> Table:
    """Give mirror and history the columns of `relation`, and note each change in `_flux.schema_changes`.

    Columns are followed by attribute number. A dropped column leaves the mirror and stays in the history; a new one
    with a constant default gives each row a `resync` in the history, `at` (_lsn, _seq), as does another key. Returns
    the table as recorded. Raises LoadError where a column's number is unknown or its values were rewritten: then only a
    new copy tells what it holds.
    """
    if table.source != relation.source:
        raise LoadError(f"{table.source!r} was renamed to {relation.source!r}, and is copied to its new place")
    before = {column.attnum: column for column in table.columns}
    if any(
        column.attnum == 0 and column.name not in {c.source_name for c in table.columns} for column in relation.columns
    ) or (0 in before):
        raise LoadError(f"columns of {table.source!r} changed more than once before they were seen")
    by_name = {column.source_name: column.attnum for column in table.columns}
    after: list[TableColumn] = []
    changes: list[ColumnChange] = []
    for column, laid in zip(relation.columns, _columns(relation.columns, destination.dialect), strict=True):
        known = before.pop(column.attnum or by_name[column.name], None)
        if known is not None:
            laid = replace(laid, has_text=known.has_text)
            if known.declared != laid.declared and not keeps_text(known.declared, laid.declared):
                raise LoadError(f"column {column.name!r} of {table.source!r} was rewritten as {laid.declared}")
        after.append(laid)
        if known is None:
            changes.append(ColumnChange(None, laid, column.missing))
        elif (known.name, known.type, known.declared) != (laid.name, laid.type, laid.declared):
            changes.append(ColumnChange(known, laid))
    changes += [ColumnChange(gone, None) for gone in before.values()]
    changed = replace(
        table,
        source=relation.source,
        oid=relation.oid,
        columns=tuple(after),
        key=relation.key_positions,
        left_out=relation.left_out if table.selection else (),
    )
    names = {
        change.before.source_name: change.after.source_name for change in changes if change.before and change.after
    }
    rekeyed = {names.get(name, name) for name in table.key_sources} != changed.key_sources
    if changes or rekeyed or changed.key != table.key or changed.columns != table.columns:
        destination.reshape(table, changed, changes, at, rekeyed=rekeyed)
    _note(destination.machinery, table, changed, changes, at[0], rekeyed=rekeyed)
    destination.machinery.write_table(changed)
    return changed


def note_copy(machinery: Machinery, before: Table | None, after: Table, reason: str) -> None:
    """Note in `_flux.schema_changes` that a table was copied, why, and how its shape differs from before.

    A table that was dropped and made again has another OID; its columns are then the same by their names.
    """
    lsn = after.snapshot_lsn
    if before is None:
        machinery.note_change(after, lsn, "new table", "", "")
        for name in after.left_out:
            machinery.note_change(after, lsn, "left out", name, "the selection does not classify it")
        return
    if before.oid != after.oid:
        reason = "another table has its name"
    machinery.note_change(after, lsn, "copy", "", reason or "the stream had a gap")

    def same(column: TableColumn) -> object:
        return column.attnum if before.oid == after.oid else column.source_name

    known = {same(column): column for column in before.columns}
    changes = [ColumnChange(known.pop(same(column), None), column) for column in after.columns]
    changes += [ColumnChange(gone, None) for gone in known.values()]
    _note(machinery, before, after, changes, lsn, rekeyed=before.key_sources != after.key_sources)


def _note(
    machinery: Machinery, before: Table, after: Table, changes: Iterable[ColumnChange], lsn: int, *, rekeyed: bool
) -> None:
    for change, name, detail in (note for column_change in changes for note in _notes(column_change)):
        machinery.note_change(after, lsn, change, name, detail)
    for name in after.left_out:
        if name not in before.left_out:
            machinery.note_change(after, lsn, "left out", name, "the selection does not classify it")
    if rekeyed:
        old, new = (", ".join(sorted(table.key_sources)) or "none" for table in (before, after))
        machinery.note_change(after, lsn, KEY_CHANGE, "", f"{old} -> {new}")


def fits(table: Table, relation: Relation) -> bool:
    """Whether the table has just the relation's name, columns, in its order, and key."""
    shape = [(column.source_name, column.declared) for column in table.columns]
    same_columns = shape == [(c.name, c.declared) for c in relation.columns]
    same_key = table.key == relation.key_positions and table.source == relation.source
    return same_columns and same_key and (not table.selection or table.left_out == relation.left_out)


def _columns(columns: Iterable[Column], dialect: Dialect) -> tuple[TableColumn, ...]:
    columns = list(columns)
    names = column_names((dialect.spell(column.name) for column in columns), dialect.name_bytes)
    return tuple(
        TableColumn(
            column.name,
            column.attnum,
            column.declared,
            name,
            dialect.land(SourceType(column.type, column.kind, column.typmod)),
        )
        for column, name in zip(columns, names, strict=True)
    )


def _notes(change: ColumnChange) -> list[tuple[str, str, str]]:
    """What `_flux.schema_changes` says of a change: (change, column, detail)."""
    before, after = change.before, change.after
    if before is None:
        return [("add", after.name, after.declared)] if after is not None else []
    if after is None:
        return [("drop", before.name, before.declared)]
    notes = [("rename", before.name, after.name)] if before.name != after.name else []
    if before.declared != after.declared:
        notes.append(("retype", after.name, f"{before.declared} -> {after.declared}"))
    return notes


def check_history(tables: Collection[Table], wanted: bool) -> None:
    """Refuse to begin or end histories in the middle: neither would say what the changes between were."""
    differing = sorted(table.source for table in tables if table.has_history is not wanted)
    if differing:
        were, are = ("off", "keep") if wanted else ("keep", "off")
        raise LoadError(
            f"history is {are!r}, and this warehouse was begun with {were!r} ({len(differing)} tables, "
            f"{differing[0]!r} the first); set FLUX_HISTORY={were}, or begin another warehouse"
        )
