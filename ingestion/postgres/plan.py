"""The plan: what replication would do to a source, and what it could not do. Changes nothing there.

`flux plan` prints it; capture asks it which tables to take. So what is said beforehand is what happens.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import psycopg

from ingestion.errors import SourceError, SourceRightsError
from ingestion.postgres.blockers import writing
from ingestion.postgres.catalog import describe
from ingestion.postgres.estimates import COPY_BYTES_PER_SECOND, Estimates, estimate
from ingestion.postgres.patience import LOCK_SECONDS
from ingestion.postgres.publication import (
    addition,
    creation,
    exchange,
    is_ours,
    publication_exists,
    published_oids,
    stale_oids,
)
from ingestion.postgres.published import Lists, read_lists
from ingestion.postgres.readiness import find_problems
from ingestion.postgres.selecting import Selecting, lost_clock, unknown_tables
from ingestion.postgres.slot import in_recovery
from ingestion.postgres.source import Source, connect, limited
from ingestion.postgres.tables import PlannedTable, RefusedTable, TableRef, quoted_name, survey
from ingestion.postgres.wire_format import unread_columns

__all__ = ["COPY_BYTES_PER_SECOND", "Plan", "PlannedTable", "RefusedTable", "TableRef", "make_plan"]

_LONG_SECONDS: Final = 10
_LOCKS: Final = (
    "share update exclusive on each table while the publication is made: blocks neither reads nor writes; VACUUM, "
    f"CREATE INDEX and ALTER TABLE wait, {LOCK_SECONDS} s at most: then the locks are let go and tried again",
    "access share on a table while it, or a part of it, is copied: ALTER TABLE and TRUNCATE of it wait",
    "making a slot waits for the write transactions that are running then",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be replicated. `creates` is the SQL that would run at the source, nothing else would.

    `problems` keep the whole source from being replicated, `refused` single tables; `warnings` nothing.
    """

    source: str
    server: str
    tables: tuple[PlannedTable, ...]
    refused: tuple[RefusedTable, ...]
    creates: tuple[str, ...]
    locks: tuple[str, ...]
    problems: tuple[SourceError, ...]
    warnings: tuple[str, ...]
    estimates: Estimates
    protected_schemas: tuple[str, ...]

    @property
    def selected(self) -> list[TableRef]:
        """The tables that replicate, by schema and name."""
        return [planned.table for planned in self.tables]

    @property
    def copy_bytes(self) -> int:
        """Size of all selected tables on the source's disk."""
        return self.estimates.copy_bytes

    @property
    def copy_seconds(self) -> float:
        """Estimate of the first copy."""
        return self.estimates.copy_seconds

    def require(self) -> None:
        """Raise the first problem, if there is one."""
        for problem in self.problems:
            raise problem


class _Publication(NamedTuple):
    """A publication that is there: ours, for all tables; what of each table it holds, by OID.

    At a standby none is ours: nothing can be changed there.
    """

    ours: bool
    standby: bool
    all_tables: bool
    members: Mapping[int, Lists]


def make_plan(source: Source, *, lock_seconds: int = 0) -> Plan:
    """Read the source's catalog and settings, and decide. Raises SourceError only when it cannot be reached.

    A table's size cannot be read while the product holds its strongest lock: `lock_seconds` bounds the wait, after
    which psycopg.errors.LockNotAvailable is raised, as it does that for a silent source (0: it waits).
    """
    with connect(source) as connection, limited(connection) if lock_seconds else nullcontext():
        connection.execute(f"set lock_timeout = '{lock_seconds}s'")
        connection.execute("begin isolation level repeatable read read only")
        planned, refused = survey(connection)
        problems = find_problems(connection, source)
        publication = _publication(connection, source.publication)
        found = [p.table.source for p in planned] + [r.table.source for r in refused]
        foreign = publication.members if publication is not None and not publication.ours else None
        planned, refused = Selecting(connection, source, foreign).select(planned, refused)
        problems += lost_clock(source, planned)
        warnings = _warnings(connection, source) + unknown_tables(source, found)
        warnings += _text_after_all(connection, source, planned)
        creates = []
        if publication is None and in_recovery(connection):
            statement = creation(source.publication, [plan.table for plan in planned])
            warnings.append(f"a standby cannot make the publication; run on the primary: {statement}")
        elif publication is None:
            creates.append(creation(source.publication, [plan.table for plan in planned]))
            problems += _not_owned(source, planned)
        elif publication.all_tables and refused:
            warnings += _breaking(source.publication, publication, refused)
        if publication is not None:
            stale = _stale(connection, source.publication, publication, planned)
            planned, refused = _published(source.publication, publication, planned, refused, stale)
            if lacking := [plan.table for plan in planned if plan.table.oid not in publication.members]:
                creates.append(addition(source.publication, lacking))
            creates += [exchange(source.publication, p.table) for p in planned if p.table.oid in stale]
        creates += _slot(connection, source)
        estimates = estimate(connection, source, [plan.table for plan in planned])
        return Plan(
            source.place,
            f"Postgres {connection.info.server_version // 10000}.{connection.info.server_version % 10000}",
            tuple(planned),
            tuple(sorted(refused, key=lambda refusal: refusal.table.source)),
            tuple(creates),
            (*(_LOCKS if creates else _LOCKS[1:]), *estimates.locks),
            tuple(problems),
            tuple(warnings),
            estimates,
            source.protected_schemas,
        )


def _publication(connection: psycopg.Connection[Any], name: str) -> _Publication | None:
    if not publication_exists(connection, name):
        return None
    row = connection.execute(
        "select puballtables, pg_is_in_recovery() from pg_publication where pubname = %s", (name,)
    ).fetchone()
    all_tables, standby = row or (False, False)
    oids = published_oids(connection, name)
    lists = read_lists(connection, name, sorted(oids))
    members = {oid: lists.get(oid, Lists()) for oid in oids}
    return _Publication(bool(is_ours(connection, name)), standby, all_tables, members)


def _stale(
    connection: psycopg.Connection[Any], name: str, publication: _Publication, planned: Iterable[PlannedTable]
) -> set[int]:
    """OIDs of the tables that a publication of ours lets out otherwise than it should."""
    if not publication.ours:
        return set()
    return stale_oids(connection, name, [p.table for p in planned if p.table.oid in publication.members])


def _published(
    name: str,
    publication: _Publication,
    planned: Iterable[PlannedTable],
    refused: Iterable[RefusedTable],
    stale: Collection[int] = (),
) -> tuple[list[PlannedTable], list[RefusedTable]]:
    """Refuse what a publication lacks, or holds otherwise and this role may not change; say what it cuts off."""
    kept, left = [], list(refused)
    for plan in planned:
        table = plan.table
        lists = publication.members.get(table.oid, Lists())
        if table.oid not in publication.members:
            fix = addition(name, [table])
            if publication.ours and plan.owned:
                kept.append(plan)
            elif publication.ours:
                left.append(RefusedTable(table, "only its owner can publish it, which this role is not", fix))
            else:
                whose = "which no standby can change" if publication.standby else "which Flux did not make"
                reason = f"publication {name!r}, {whose}, does not hold it"
                left.append(RefusedTable(table, reason, fix, left_out=True))
        elif publication.ours and (plan.owned or table.oid not in stale):
            kept.append(plan)
        elif publication.ours:
            reason = "only its owner can publish other columns or rows of it, which this role is not"
            left.append(RefusedTable(table, reason, exchange(name, table)))
        elif lists.columns is not None and not _key_numbers(plan).issubset(lists.columns):
            reason = f"publication {name!r} publishes it without its key: UPDATE and DELETE of the product fail already"
            left.append(RefusedTable(table, reason, exchange(name, table)))
        else:
            kept.append(replace(plan, notes=(*plan.notes, *_foreign_lists(name, plan, lists))))
    return kept, left


def _key_numbers(plan: PlannedTable) -> set[int]:
    """Attribute numbers that a column list must hold: of the key, and of the whole row where that is the identity."""
    names = plan.columns if plan.identity == "f" else plan.key
    return {column.attnum for column in plan.relation.columns if column.name in names}


def _foreign_lists(name: str, plan: PlannedTable, lists: Lists) -> list[str]:
    """Say what of a table a publication that Flux did not make keeps to the source."""
    notes = []
    if lists.columns is not None:
        out = [column.name for column in plan.relation.columns if column.attnum not in lists.columns]
        notes += [f"publication {name!r} leaves out: {', '.join(out)}"] if out else []
    return notes + ([f"publication {name!r} lets out only rows where {lists.rows}"] if lists.rows else [])


def _breaking(name: str, publication: _Publication, refused: Iterable[RefusedTable]) -> list[str]:
    broken = [r.table.source for r in refused if r.table.oid in publication.members and r.fix]
    if not broken:
        return []
    return [
        f"publication {name!r} is for all tables: UPDATE and DELETE fail already, without Flux, on {', '.join(broken)}"
    ]


def _not_owned(source: Source, planned: Iterable[PlannedTable]) -> list[SourceError]:
    planned = list(planned)
    foreign = [plan.table.source for plan in planned if not plan.owned]
    if not foreign:
        return []
    return [
        SourceRightsError(
            f"only its owner can publish a table, and this role owns {len(planned) - len(foreign)} of {len(planned)} "
            f"(not {', '.join(foreign[:5])}{', ...' if len(foreign) > 5 else ''}); "
            f"let an administrator run: {creation(source.publication, [plan.table for plan in planned])}"
        )
    ]


def _slot(connection: psycopg.Connection[Any], source: Source) -> list[str]:
    exists = connection.execute("select 1 from pg_replication_slots where slot_name = %s", (source.slot,)).fetchone()
    own = f"select pg_create_logical_replication_slot('{source.slot}', 'pgoutput')"
    temporary = (
        "select pg_create_logical_replication_slot('flux_copy_...', 'pgoutput', true)  -- as long as a copy lasts"
    )
    return [temporary] if exists is not None else [own, temporary]


def _warnings(connection: psycopg.Connection[Any], source: Source) -> list[str]:
    """Say what may hurt the source later, or make the start slow."""
    found = []
    row = connection.execute(
        "select current_setting('max_slot_wal_keep_size'), pg_is_in_recovery(), current_setting('hot_standby_feedback')"
    ).fetchone()
    keep, standby, feedback = row or ("", False, "on")
    if keep == "-1":
        found.append(
            "max_slot_wal_keep_size is -1: while Flux is down the slot keeps WAL until the disk is full; run: "
            "alter system set max_slot_wal_keep_size = '50GB'; select pg_reload_conf()"
        )
    if standby:
        found.append(
            "the source is a standby: making a slot, and so each copy, waits until its primary logs the running "
            "transactions: within 15 s while it writes, or when somebody runs there: select pg_log_standby_snapshot()"
        )
    if standby and feedback == "off":
        found.append(
            "hot_standby_feedback is off: when the primary removes dead rows of its catalog, the slot is lost and all "
            "tables are copied again; run: alter system set hot_standby_feedback = on; select pg_reload_conf()"
        )
    (role, sees) = connection.execute("select current_user, pg_has_role('pg_read_all_stats', 'usage')").fetchone() or (
        "",
        True,
    )
    if not sees:
        found.append(
            "this role does not see what other roles' sessions do: which transactions making a slot waits for, and how "
            f"many walsenders are busy; let an administrator run: grant pg_read_all_stats to {quoted_name(role)}"
        )
    for (pid,) in connection.execute(
        "select active_pid from pg_replication_slots where slot_name = %s and active_pid is not null", (source.slot,)
    ):
        found.append(f"slot {source.slot!r} is in use (walsender {pid}): a replicator is running already")
    waited_for = writing(connection, _LONG_SECONDS) if sees else []  # else of any age
    return found + [f"making a slot waits for the end of: {who}" for who in waited_for]


def _text_after_all(connection: psycopg.Connection[Any], source: Source, planned: Iterable[PlannedTable]) -> list[str]:
    """Say which table keeps the stream from being binary, where that is asked for."""
    if source.wire == "text":
        return []
    described = describe(connection, [plan.table.oid for plan in planned])
    return [
        f"column {column!r} of {table!r} cannot be streamed in binary: all values are streamed as text"
        for table, column in unread_columns(connection, described.values()).items()
    ]
