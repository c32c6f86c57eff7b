"""What stands in the warehouse when a build begins: how far each raw table reaches, which relations there are.

A raw table's version is its newest row and the number of its rows, the same by which kept facts know how far they have
read (docs/decisions/0008): histories by position, events by the time of their load, gaps and quarantine by that of
their notice. A mirror goes by its history, since
each change of it is told there. What is told by neither has no version, and what is made of it is built each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.warehouse.machinery import Machinery
from ingestion.warehouse.names import quote
from ingestion.warehouse.session import Session
from orchestration.models import versions
from orchestration.models.project import manifest_path, parsed, warm
from orchestration.models.runner import NodeResult
from orchestration.settings import Settings

_HISTORIES = (("raw_app_history", "raw_app"), ("restricted_history", "restricted"))
_CUTS = ("_flux", "cuts")
_TOLD_AT = ("uuid_ts", "noticed_at")
Relation = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """The state that a build begins with, and what it may leave out for it."""

    nodes: versions.Nodes
    inputs: versions.Versions
    code: str
    noted: Mapping[str, str]
    relations: Collection[str]
    views_fall: bool

    def unchanged(self, select: Collection[str]) -> tuple[set[str], set[str]]:
        """Part what a build of these models by name (all: none) consists of: what it has to run, and what stands."""
        among = versions.named(self.nodes, select)
        wanted = versions.wanted(self.nodes, self.inputs, self.code)
        run = versions.to_run(
            self.nodes, among, wanted, self.code, self.noted, self.relations, views_fall=self.views_fall
        )
        return run, among - run

    def after(self, results: Iterable[NodeResult]) -> dict[str, str]:
        """Give what is to be noted when the build has ended. A test that warns is to tell it again."""
        ran = {result.unique_id: result.status in ("success", "pass") for result in results if result.ran}
        done = {each for each, good in ran.items() if good}
        return versions.after(self.nodes, self.inputs, self.code, self.noted, done, ran.keys() - done)


def look(settings: Settings, machinery: Machinery, cut_id: int) -> Standing:
    """Look at the warehouse, whose lease the caller holds, and take the notes of the build before out of it.

    A build that dies so leaves none, and the next one makes everything. Costs a scan of two columns of each raw table.
    """
    warm(settings)
    manifest: Any = parsed(settings)  # Any: dbt ships no types
    session = machinery.session
    columns = _columns(session)
    sources = {each: (source.schema, source.identifier) for each, source in manifest.sources.items()}
    reached = _reach(session, columns, set(sources.values()))
    reached[_CUTS] = str(cut_id)
    # Views are bound to columns, policies to the readers: another column or reader makes all anew.
    landed = {relation: columns.get(relation) for relation in sorted(set(sources.values()))}
    code = hashlib.sha256(repr((manifest_path(settings).name, landed, _readers(session, columns))).encode())
    return Standing(
        nodes=versions.nodes_of(manifest),
        inputs={each: reached.get(relation) for each, relation in sources.items()},
        code=code.hexdigest()[:32],
        noted=machinery.take_made(),
        relations=frozenset(f"{schema}.{name}" for schema, name in columns),
        views_fall=settings.has_postgres_warehouse,
    )


def _columns(session: Session) -> dict[Relation, dict[str, str]]:
    """Give the columns and types of every relation."""
    found: dict[Relation, dict[str, str]] = {}
    for schema, name, column, kind in session.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns "
        "where table_catalog = current_database() and table_schema not in ('pg_catalog', 'information_schema') "
        "order by table_schema, table_name, ordinal_position"
    ):
        found.setdefault((schema, name), {})[column] = kind
    return found


def _reach(
    session: Session, columns: Mapping[Relation, Mapping[str, str]], wanted: Collection[Relation]
) -> dict[Relation, str | None]:
    told_by = {relation: _told_by(relation, columns) for relation in wanted}
    asked = sorted({relation for relation in told_by.values() if relation is not None})
    queries = []
    for number, (schema, name) in enumerate(asked):
        newest = "max(_epoch)", "max(_lsn)"
        for column in set(_TOLD_AT).intersection(columns[schema, name]):
            newest = f"extract(epoch from max({column}))", "0"
        told = ", ".join(f"cast({each} as varchar)" for each in ("count(*)", *newest))
        queries.append(f"select {number}, {told} from {quote(schema)}.{quote(name)}")
    rows = session.execute(" union all ".join(queries)) if queries else []
    reach = {asked[number]: "/".join(map(str, found)) for number, *found in rows}
    return {relation: teller and reach[teller] for relation, teller in told_by.items()}


def _told_by(relation: Relation, columns: Mapping[Relation, Mapping[str, str]]) -> Relation | None:
    """Name the relation that tells when this one changed."""
    schema, name = relation
    own = columns.get(relation, {})
    if {"_epoch", "_lsn"} <= own.keys() or own.keys() & set(_TOLD_AT):
        return relation
    for history, mirror in _HISTORIES:
        if schema == mirror or schema.startswith(f"{mirror}__"):
            told = history + schema.removeprefix(mirror), name
            return told if "_lsn" in columns.get(told, {}) else None
    return None


def _readers(session: Session, columns: Collection[Relation]) -> list[tuple[Any, ...]]:  # Any: as the driver gives them
    if ("_flux", "client_readers") not in columns:
        return []
    return sorted(session.execute("select * from _flux.client_readers"), key=repr)
