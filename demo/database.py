"""The database that the story is told into: made empty, marked as ours, and never another one.

The demo writes only to a database that was empty when it came, and that carries its marker since: the table
`demo_machinery.story`, made in the same transaction as the product's schema. That schema is no part of the product.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

import psycopg

from demo.config import DAY, DemoConfig, day_of
from demo.errors import DemoConfigError, DemoError, NotOursError, SimulationError

SCHEMA = Path(__file__).parent / "schema.sql"
STORY_VERSION = 2  # raise it when the same seed gives other rows: what an older version began cannot be gone on with
MONTHS_AHEAD = 18  # partitions for live traffic; what comes later goes to the default partition
LOCK = 4_115_209  # advisory lock of the one simulator at work in a database
WAIT_MS = 20_000  # for the server to notice that a killed simulator is gone

_MACHINERY = """
create schema demo_machinery;
create table demo_machinery.story (
    one              boolean primary key default true check (one),
    version          integer not null,
    seed             bigint not null,
    scale            double precision not null,
    end_on           date not null,
    days             integer not null,
    history_days     integer not null,
    bias             double precision not null,
    day_zero_loaded  boolean not null default false,
    days_told        boolean not null default false
);
create table demo_machinery.deliveries (
    destination  text primary key,
    position     bigint not null,   -- shipments that were acknowledged
    by_sdk       bigint not null,
    in_bulk      bigint not null,
    distinct_ids bigint             -- null: not at the end yet
);
comment on schema demo_machinery is 'marks this database as one that the demo made and may write to';
"""

# Anything that somebody made: not Postgres' own, not part of an extension.
_SOMETHING = """
with ours as (select oid from pg_namespace where nspname not in ('pg_catalog', 'information_schema')
              and nspname !~ '^pg_(toast|temp)')
select n.nspname || '.' || o.name
from (select oid, relnamespace as namespace, relname as name, 'pg_class'::regclass as class from pg_class
      union all select oid, pronamespace, proname, 'pg_proc'::regclass from pg_proc
      -- Types of tables and of arrays come and go with what they belong to.
      union all select oid, typnamespace, typname, 'pg_type'::regclass from pg_type where typtype in ('e', 'd', 'r')
     ) as o
join pg_namespace as n on n.oid = o.namespace
where o.namespace in (select oid from ours)
  and not exists (select from pg_depend as d where d.classid = o.class and d.objid = o.oid and d.deptype = 'e')
order by 1 limit 1
"""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller asks for; None takes what the database was filled with, or the default."""

    seed: int | None
    scale: float | None
    end_on: dt.date | None
    days: int | None
    history_days: int | None
    bias: float | None


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """Connect, in autocommit and with settings of our own. Raises DemoError when the database cannot be reached."""
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=15, application_name="flux demo")
    except psycopg.OperationalError as error:
        raise DemoError(
            f"cannot reach the demo's database: {str(error).strip()}; start its server, or look at FLUX_DEMO_URL"
        ) from error
    with connection:
        try:
            connection.execute("set timezone = 'UTC'; set search_path = public; set client_min_messages = warning")
            yield connection
        except psycopg.OperationalError as error:
            if not connection.broken:
                raise
            raise DemoError("the demo's database went away; start its server, and the same goes on") from error


def read_marker(connection: psycopg.Connection) -> DemoConfig | None:
    """The configuration that the database was filled with, None when it carries no marker. Raises DemoConfigError."""
    if connection.execute("select to_regclass('demo_machinery.story')").fetchone() == (None,):
        return None
    row = connection.execute("select version from demo_machinery.story").fetchone()
    if row is None:
        return None
    (version,) = row
    if version != STORY_VERSION:
        raise DemoConfigError(
            f"the database was filled by version {version} of the demo, this is version {STORY_VERSION}; "
            "begin anew with 'flux reset', or with an empty database"
        )
    row = connection.execute(
        "select end_on, seed, scale, days, history_days, bias from demo_machinery.story"
    ).fetchone()
    assert row is not None  # read above
    return DemoConfig(*row)


def settle(connection: psycopg.Connection, wishes: Wishes, today: dt.date) -> DemoConfig:
    """The configuration to use: the remembered one, which wishes may not contradict, or a new one."""
    remembered = read_marker(connection)
    if remembered is None:
        default = DemoConfig(end_on=wishes.end_on or today)
        return DemoConfig(
            end_on=default.end_on,
            seed=default.seed if wishes.seed is None else wishes.seed,
            scale=default.scale if wishes.scale is None else wishes.scale,
            days=default.days if wishes.days is None else wishes.days,
            history_days=default.history_days if wishes.history_days is None else wishes.history_days,
            bias=default.bias if wishes.bias is None else wishes.bias,
        )
    for name in ("seed", "scale", "end_on", "days", "history_days", "bias"):
        wish, held = getattr(wishes, name), getattr(remembered, name)
        if wish is not None and wish != held:
            raise DemoConfigError(
                f"the database was filled with {name} {held}, asked for is {wish}; "
                "leave it out, or begin anew with 'flux reset' or an empty database"
            )
    return remembered


def create_schema(connection: psycopg.Connection, config: DemoConfig) -> None:
    """Make the product's schema in an empty database, in one transaction; do nothing where that was done before.

    Raises NotOursError for a database that holds anything else.
    """
    if read_marker(connection) is not None:
        return
    check_empty(connection)
    try:
        with connection.transaction():
            connection.execute(SCHEMA.read_text(encoding="utf-8"))
            for first, after in _months(config):
                connection.execute(
                    f"create table match_recommendations_{first:%Y_%m} partition of match_recommendations"
                    f" for values from ('{first} 00:00+00') to ('{after} 00:00+00')"
                )
            connection.execute(_MACHINERY)
            connection.execute(
                "insert into demo_machinery.story (version, end_on, seed, scale, days, history_days, bias)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                [STORY_VERSION, *astuple(config)],
            )
    except psycopg.errors.InsufficientPrivilege as error:
        raise DemoError(
            f"no right to make the product's schema: {error.diag.message_primary}; "
            "let the role own the database named by FLUX_DEMO_URL"
        ) from error


def check_empty(connection: psycopg.Connection) -> None:
    """Raise NotOursError when the database holds anything and does not carry our marker."""
    row = connection.execute(_SOMETHING).fetchone()
    if row is not None:
        name = connection.info.dbname
        raise NotOursError(
            f"the database {name!r} is not empty (it holds {row[0]!r}) and was not made by the demo; nothing was "
            "written: name an empty database with FLUX_DEMO_URL, or unset it to use the embedded one"
        )


@contextmanager
def alone(connection: psycopg.Connection) -> Iterator[None]:
    """Keep other simulators out. Waits until the server is through with what a killed one had sent."""
    connection.execute(f"set lock_timeout = {WAIT_MS}")
    try:
        connection.execute("select pg_advisory_lock(%s)", [LOCK])
    except psycopg.errors.LockNotAvailable as error:
        raise SimulationError("another simulator is at work in this database; stop it first") from error
    connection.execute("set lock_timeout = 0")
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute("select pg_advisory_unlock(%s)", [LOCK])


def _months(config: DemoConfig) -> Iterator[tuple[dt.date, dt.date]]:
    first = day_of(config.start - DAY).replace(day=1)
    last = day_of(config.end)
    for _ in range(1200):
        after = (first + dt.timedelta(days=32)).replace(day=1)
        yield first, after
        if first > last + dt.timedelta(days=30 * MONTHS_AHEAD):
            return
        first = after
