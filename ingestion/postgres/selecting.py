"""Apply the selection to the tables of a source: which of their columns and rows leave it, and who leaves out the rest.

Where Postgres can do it, the publication lets out nothing that is to stay out: 15 and newer, of a table whose replica
identity is a key. Else the load leaves it out, and the log holds it: the plan says so, or refuses the table
(`left_out_by`). Row filters are the publication's alone. Reads the catalog, and has the source parse row filters.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import psycopg
from psycopg import sql

from ingestion.errors import SourceError, SourceSettingError
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.publication import exchange
from ingestion.postgres.published import LISTS_PUBLISHED, Lists
from ingestion.postgres.source import Source
from ingestion.postgres.tables import Fates, PlannedTable, RefusedTable
from ingestion.selection.rules import Class, ColumnRule, LeftOutBy, Treatment

_IN_FILE: Final = "in the selection: "
_TIED: Final = (
    "published by columns: the product can neither drop nor retype a published one until the table left the "
    "publication (left_out_by: load avoids that)"
)


@dataclass(frozen=True, slots=True)
class Selecting:
    """Selects of the tables of one source. `foreign`: what a publication that is not Flux's lets out, by OID."""

    connection: psycopg.Connection[Any]
    source: Source
    foreign: Mapping[int, Lists] | None

    def select(
        self, planned: Iterable[PlannedTable], refused: list[RefusedTable]
    ) -> tuple[list[PlannedTable], list[RefusedTable]]:
        """Sort tables into those that are selected and those that are not, or cannot be as the selection says."""
        selection, kept, left = self.source.selection, [], []
        for refusal in refused:
            reason = selection.why_out(refusal.table.source)
            left.append(refusal if reason is None else RefusedTable(refusal.table, reason, left_out=True))
        for plan in planned:
            found = self._select(plan)
            if isinstance(found, RefusedTable):
                left.append(found)
            else:
                kept.append(found)
        return kept, left

    def _select(self, plan: PlannedTable) -> PlannedTable | RefusedTable:
        source = plan.table.source
        if (reason := self.source.selection.why_out(source)) is not None:
            classify = "classify" in reason
            fix = f"{_IN_FILE}name it under 'tables', or set unlisted: replicate" if classify else None
            return RefusedTable(plan.table, reason, fix, left_out=True)
        rules, rows = self.source.selection.columns(source), self.source.selection.rows(source)
        if rows is not None:
            if (refusal := self._refused_rows(plan, rows)) is not None:
                return refusal
            plan = replace(plan, table=replace(plan.table, rows=rows), notes=(*plan.notes, f"only rows where {rows}"))
        if rules is not None:
            return _refused_key(plan, rules) or self._by_columns(plan, rules)
        return plan

    def _by_columns(self, plan: PlannedTable, rules: Mapping[str, ColumnRule]) -> PlannedTable | RefusedTable:
        table, relation, source = plan.table, plan.relation, self.source
        out = [name for name in plan.columns if name not in rules or not rules[name].lands]
        if len(out) == len(plan.columns):
            return RefusedTable(table, "the selection lets out none of its columns", left_out=True)
        unable, mend = self._no_list(plan)
        published = set(plan.columns)
        if self.foreign is not None:
            published = _names(relation, self.foreign.get(table.oid, Lists()))
            held = [name for name in out if name in published]
        elif unable or source.selection.left_out_by is LeftOutBy.LOAD:
            held = out
        else:
            held = []
            if out:
                listed = [column for column in relation.columns if column.name not in out]
                table = replace(table, columns=tuple(c.name for c in listed), numbers=tuple(c.attnum for c in listed))
        if held and source.selection.left_out_by is LeftOutBy.PUBLICATION:
            reason = f"the log would hold {', '.join(held)}, which the selection keeps out: {unable}"
            return RefusedTable(plan.table, reason, mend)
        notes = [*plan.notes]
        if unclassified := [name for name in out if name not in rules]:
            notes.append(f"not classified, stays out: {', '.join(unclassified)}")
        if held:
            notes.append(f"the log holds what the load leaves out: {', '.join(held)}")
        if table.columns is not None:
            notes.append(_TIED)
        if unknown := [name for name in rules if name not in plan.columns]:
            notes.append(f"classified, and not there: {_near(unknown, plan.columns)}")
        return replace(plan, table=table, fates=_fates(plan.columns, rules, published, held), notes=tuple(notes))

    def _no_list(self, plan: PlannedTable) -> tuple[str, str | None]:
        """Say why the publication cannot hold single columns of a table, and what would change that."""
        if self.foreign is not None:
            rules = self.source.selection.columns(plan.table.source) or {}
            columns = tuple(c for c in plan.columns if c in rules and rules[c].lands)
            reason = f"publication {self.source.publication!r} is not Flux's and publishes them"
            return reason, exchange(self.source.publication, replace(plan.table, columns=columns))
        version = self.connection.info.server_version
        if version < LISTS_PUBLISHED:
            reason = f"Postgres {version // 10000} cannot publish single columns"
            return reason, f"{_IN_FILE}left_out_by: publication-or-load; the log is its owner's alone"
        if plan.identity == "f":
            change = f"alter table {plan.table.quoted} replica identity"
            return "its replica identity is the whole row", f"{change} default" if plan.key else None
        return "", None

    def _refused_rows(self, plan: PlannedTable, rows: str) -> RefusedTable | None:
        table, version = plan.table, self.connection.info.server_version
        if version < LISTS_PUBLISHED:
            return RefusedTable(table, f"Postgres {version // 10000} cannot publish single rows, as 'rows' asks")
        if self.foreign is not None:
            if table.oid not in self.foreign or self.foreign[table.oid].rows:
                return None  # which filter it has is said; nobody can tell whether it means the same
            reason = f"publication {self.source.publication!r} is not Flux's and has no row filter for it"
            return RefusedTable(table, reason, exchange(self.source.publication, replace(table, rows=rows)))
        if (error := self._parse(plan.relation, rows, plan.columns)) is not None:
            return RefusedTable(table, f"the source does not understand its filter: {error}", f"{_IN_FILE}correct it")
        if plan.identity != "f" and self._parse(plan.relation, rows, plan.key) is not None:
            return RefusedTable(
                table,
                "its row filter reads columns outside of its identity: the product's UPDATE and DELETE would fail",
                f"alter table {table.quoted} replica identity full  -- or filter by its key: {', '.join(plan.key)}",
            )
        return None

    def _parse(self, relation: Relation, rows: str, columns: Iterable[str]) -> str | None:
        """Have the source plan a query that sees these columns alone; its words if it cannot."""
        query = sql.SQL("explain select from (select {} from {}) as {} where ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(relation.schema, relation.name),
            sql.Identifier(relation.name),
            sql.SQL(rows),
        )
        try:
            with self.connection.transaction():
                self.connection.execute(query, prepare=True)  # one that is prepared is one statement
        except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.UndefinedTable):
            raise
        except (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError) as error:
            return error.diag.message_primary or str(error)
        return None


def unknown_tables(source: Source, known: Iterable[str]) -> list[str]:
    """Warn of tables that the selection names and the source does not have."""
    known = list(known)
    unknown = [name for name in source.selection.tables if name not in known]
    return [f"the selection names tables that are not there: {_near(unknown, known)}"] if unknown else []


def lost_clock(source: Source, planned: Iterable[PlannedTable]) -> list[SourceError]:
    """Find that the selection keeps the clock in the source."""
    table, _, column = (source.clock or "").rpartition(".")
    if not table:
        return []
    plan = next((plan for plan in planned if plan.table.source == table), None)
    reason = source.selection.why_out(table)
    if plan is not None and plan.table.columns is not None and column not in plan.table.columns:
        reason = "the selection does not let it out"
    if reason is None:
        return []
    return [SourceSettingError(f"clock {source.clock!r} stays out: {reason}; classify it as public, or unset it")]


def _refused_key(plan: PlannedTable, rules: Mapping[str, ColumnRule]) -> RefusedTable | None:
    """Refuse what would leave rows that nothing tells apart, or parts of a row that nothing joins."""
    for name in plan.key:
        at = f"{_IN_FILE}{plan.table.source}: columns: {name}:"
        rule = rules.get(name)
        if rule is None:
            return RefusedTable(plan.table, f"its key column {name!r} is not classified", f"{at} public")
        if rule.treatment in (Treatment.DROP, Treatment.MASK):
            reason = f"its key column {name!r} has treatment {rule.treatment.value!r}: nothing would tell rows apart"
            return RefusedTable(plan.table, reason, f"{at} {{class: {rule.kind.value}, treatment: hash}}")
        if rule.kind is Class.PROTECTED:
            reason = f"its key column {name!r} is protected, and the key goes with the other columns, too"
            return RefusedTable(plan.table, reason, f"{at} {{class: personal, treatment: hash}}")
    protected = [name for name in plan.columns if name in rules and _apart(rules[name])]
    if protected and not plan.key:
        reason = f"it has protected columns ({', '.join(protected)}) and no key to join them by"
        return RefusedTable(plan.table, reason, "give it a primary key, or drop these columns in the selection")
    return None


def _apart(rule: ColumnRule) -> bool:
    return rule.kind is Class.PROTECTED and rule.lands


def _fates(
    columns: Iterable[str], rules: Mapping[str, ColumnRule], published: Collection[str], held: Collection[str]
) -> Fates:
    found: dict[str, list[str]] = {}
    for name in columns:
        rule = rules.get(name)
        if rule is None:
            fate = "unclassified"
        elif not rule.lands or name not in published:
            fate = "dropped_by_load" if name in held else "dropped_by_publication"
        elif _apart(rule):
            fate = "protected"
        else:
            fate = {Treatment.HASH: "hashed", Treatment.MASK: "masked"}.get(rule.treatment, "kept")
        found.setdefault(fate, []).append(name)
    return Fates(**{fate: tuple(names) for fate, names in found.items()})


def _names(relation: Relation, lists: Lists) -> set[str]:
    return {c.name for c in relation.columns if lists.columns is None or c.attnum in lists.columns}


def _near(names: Iterable[str], known: Iterable[str]) -> str:
    known, found = list(known), []
    for name in names:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        found.append(f"{name} (near: {near[0]})" if near else name)
    return ", ".join(found)
