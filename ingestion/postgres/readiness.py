"""Check that a source can be replicated at all: server, role, slots, publication, clock.

Reads catalogs and settings only. Each problem is an error to be raised, with the SQL that mends it; `flux plan` lists
them all, capture stops at the first. What concerns a single table is in `plan`.
"""

from typing import Any, Final

import psycopg

from ingestion.errors import (
    SourceCapacityError,
    SourceError,
    SourceRightsError,
    SourceSettingError,
    SourceVersionError,
    WalLevelError,
)
from ingestion.postgres.slot import in_recovery
from ingestion.postgres.source import Source
from ingestion.postgres.tables import quoted_name

OLDEST_VERSION: Final = 14
OLDEST_STANDBY: Final = 16
# The stream, and the temporary slot whose snapshot a copy reads.
_SLOTS_OF_A_COPY: Final = 1


def find_problems(connection: psycopg.Connection[Any], source: Source) -> list[SourceError]:
    """List what keeps the source from being replicated; empty when nothing does."""
    found = [
        _version(connection),
        _standby(connection),
        _wal_level(connection),
        _right_to_replicate(connection),
        _own_slot(connection, source),
        _free_slots(connection, source),
        _free_walsenders(connection, source),
        _publication(connection, source),
        _clock(connection, source),
    ]
    return [problem for problem in found if problem is not None]


def require_ready(connection: psycopg.Connection[Any], source: Source) -> None:
    """Raise the first problem of the source, if it has one."""
    for problem in find_problems(connection, source):
        raise problem


def _version(connection: psycopg.Connection[Any]) -> SourceError | None:
    major = connection.info.server_version // 10000
    if major >= OLDEST_VERSION:
        return None
    return SourceVersionError(f"Postgres {major} is too old; Flux replicates from {OLDEST_VERSION} on")


def _standby(connection: psycopg.Connection[Any]) -> SourceError | None:
    major = connection.info.server_version // 10000
    if major >= OLDEST_STANDBY or not in_recovery(connection):
        return None
    return SourceVersionError(
        f"the source is a standby of Postgres {major}; standbys can be replicated from {OLDEST_STANDBY} on; "
        "put the address of its primary into the URL (select sender_host, sender_port from pg_stat_wal_receiver)"
    )


def _wal_level(connection: psycopg.Connection[Any]) -> SourceError | None:
    level = _setting(connection, "wal_level")
    if level == "logical":
        return None
    return WalLevelError(
        f"wal_level is {level!r}, logical replication needs 'logical'; run: alter system set wal_level = 'logical', "
        "then restart the server (RDS, Aurora: rds.logical_replication = 1; Cloud SQL: cloudsql.logical_decoding = on)"
    )


def _right_to_replicate(connection: psycopg.Connection[Any]) -> SourceError | None:
    # Managed services hand the right on by membership of a role of their own.
    row = connection.execute(
        """
        select current_user, rolsuper or rolreplication or exists (
            select from pg_roles r where r.rolname in ('rds_replication', 'rds_superuser')
                and pg_has_role(current_user, r.oid, 'member')
        )
        from pg_roles where rolname = current_user
        """
    ).fetchone()
    role, may = row or ("", False)
    if may:
        return None
    return SourceRightsError(
        f"role {role!r} has no right to replicate; let an administrator run: alter role {quoted_name(role)} with "
        f"replication (on RDS: grant rds_replication to {quoted_name(role)})"
    )


def _own_slot(connection: psycopg.Connection[Any], source: Source) -> SourceError | None:
    row = connection.execute(
        "select plugin, database, current_database() from pg_replication_slots where slot_name = %s",
        (source.slot,),
    ).fetchone()
    if row is None:
        return None
    plugin, database, ours = row
    if plugin != "pgoutput":
        kind = f"of plugin {plugin!r}" if plugin else "a physical one"
        return SourceSettingError(f"slot {source.slot!r} is {kind}, not pgoutput; set FLUX_SLOT to another name")
    if database != ours:
        return SourceSettingError(
            f"slot {source.slot!r} belongs to database {database!r}, not {ours!r}; set FLUX_SLOT to another name "
            "(slots are shared by all databases of a server)"
        )
    return None


def _free_slots(connection: psycopg.Connection[Any], source: Source) -> SourceError | None:
    most = int(_setting(connection, "max_replication_slots"))
    slots = connection.execute(
        "select slot_name, active, slot_name = %s from pg_replication_slots order by active, slot_name", (source.slot,)
    ).fetchall()
    needed = _SLOTS_OF_A_COPY + (0 if any(ours for _, _, ours in slots) else 1)
    if most - len(slots) >= needed:
        return None
    unused = [name for name, active, ours in slots if not active and not ours]
    drop = f"drop one that nobody uses, for instance: select pg_drop_replication_slot('{unused[0]}')" if unused else ""
    return SourceCapacityError(
        f"{len(slots)} of {most} replication slots are taken and Flux needs {needed} more (one to stay, one while a "
        f"copy lasts); {drop + '; or ' if drop else ''}raise max_replication_slots and restart the server"
    )


def _free_walsenders(connection: psycopg.Connection[Any], source: Source) -> SourceError | None:
    most = int(_setting(connection, "max_wal_senders"))
    row = connection.execute(
        "select count(*) from pg_stat_activity where backend_type = 'walsender' and pid is distinct from"
        " (select active_pid from pg_replication_slots where slot_name = %s)",
        (source.slot,),
    ).fetchone()
    busy = int(row[0]) if row else 0
    if most - busy >= 2:
        return None
    return SourceCapacityError(
        f"{busy} of {most} walsenders are busy and Flux needs 2 (stream and copy); end a connection of "
        "pg_stat_replication, or raise max_wal_senders and restart the server"
    )


def _publication(connection: psycopg.Connection[Any], source: Source) -> SourceError | None:
    """A publication that is there must publish all kinds of changes; one that is not must be ours to create."""
    row = connection.execute(
        "select pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot from pg_publication where pubname = %s",
        (source.publication,),
    ).fetchone()
    name = quoted_name(source.publication)
    if row is None:
        return _right_to_publish(connection, source)
    kinds = ("insert", "update", "delete", "truncate")
    lacking = [kind for kind, published in zip(kinds, row, strict=False) if not published]
    if lacking:
        return SourceSettingError(
            f"publication {source.publication!r} leaves out {', '.join(lacking)}: the warehouse would differ from the "
            f"source; run: alter publication {name} set (publish = '{', '.join(kinds)}')"
        )
    if not row[4]:
        return SourceSettingError(
            f"publication {source.publication!r} publishes partitions one by one, Flux replicates whole tables; run: "
            f"alter publication {name} set (publish_via_partition_root = true)"
        )
    return None


def _right_to_publish(connection: psycopg.Connection[Any], source: Source) -> SourceError | None:
    row = connection.execute(
        "select pg_is_in_recovery(), current_user, current_database(),"
        " has_database_privilege(current_database(), 'create')"
    ).fetchone()
    assert row is not None
    standby, role, database, may = row
    name = quoted_name(source.publication)
    if standby:
        return SourceSettingError(
            f"publication {source.publication!r} does not exist, and a standby cannot make it; run on the primary: "
            f"create publication {name} for table ... with (publish_via_partition_root = true)"
        )
    if may:
        return None
    return SourceRightsError(
        f"role {role!r} may not create publication {source.publication!r} in database {database!r}; let an "
        f"administrator run: grant create on database {quoted_name(database)} to {quoted_name(role)}, or make it: "
        f"create publication {name} for table ... with (publish_via_partition_root = true)"
    )


def _clock(connection: psycopg.Connection[Any], source: Source) -> SourceError | None:
    if source.clock is None:
        return None
    table, _, column = source.clock.rpartition(".")
    schema, _, name = table.rpartition(".")
    row = connection.execute(
        """
        select a.atttypid = 'timestamptz'::regtype, format_type(a.atttypid, a.atttypmod)
        from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = %s and c.relname = %s and a.attname = %s and not a.attisdropped
        """,
        (schema, name, column),
    ).fetchone()
    if row is None:
        return SourceSettingError(
            f"clock {source.clock!r} is not a column of the source; write it as schema.table.column, or unset it: "
            "Flux then takes the commit time"
        )
    if not row[0]:
        return SourceSettingError(f"clock {source.clock!r} is of type {row[1]!r}; it must be timestamptz")
    return None


def _setting(connection: psycopg.Connection[Any], name: str) -> str:
    row = connection.execute("select current_setting(%s)", (name,)).fetchone()
    return str(row[0]) if row else ""
