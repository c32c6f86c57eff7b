"""Open a Postgres warehouse for writing. Whoever has it open is its only loader: an advisory lock sees to it."""

from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ingestion.errors import WarehouseError

# Values go in and come out as the source's own text (see `ingestion.postgres.source`).
_TEXT_FORMS: Final = {
    "client_encoding": "UTF8",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "xmloption": "content",
}
# A batch takes as long as it takes, and waits for whoever reads a table that changes its shape: from the first
# statement on, whatever the database or the role sets.
_PATIENCE: Final = "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0"
# The server must notice that a loader is gone, else it keeps the lock.
_WATCH: Final = {
    "transaction_timeout": "0",
    "idle_session_timeout": "0",
    "client_connection_check_interval": "1s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
# Keys are found by their index: the default price of a random page is a spinning disk's, and made the server read whole
# mirrors for some ten thousand keys. Compiling (jit) pays for none of these statements.
_PLANS: Final = {"random_page_cost": "1.1", "jit": "off"}
_QUIET: Final = {"search_path": "", "client_min_messages": "warning", "default_transaction_isolation": "read committed"}
_LOCK: Final = 0x666C7578  # "flux"; advisory locks are per database
_LOCK_SECONDS: Final = 15
_CONNECT_SECONDS: Final = 10
_OLDEST: Final = 140000


def connect(url: str, *, lock_seconds: int = _LOCK_SECONDS) -> psycopg.Connection[Any]:
    """Open the warehouse and take its lock, in autocommit mode. Raises WarehouseError.

    Needs a session of its own: a pooler that shares sessions between transactions would share the lock, too.
    """
    try:
        options = f"{conninfo_to_dict(url).get('options') or ''} {_PATIENCE}".strip()
        connection = psycopg.connect(
            url,
            autocommit=True,
            options=options,
            prepare_threshold=None,  # temporary tables change under the same statement
            cursor_factory=psycopg.RawCursor,  # $1, as everywhere; a % in a name is nothing special
            application_name="flux load",
            connect_timeout=_CONNECT_SECONDS,
            # The loader must notice that the server is gone; the system alone would probe its silence after two hours.
            # No tcp_user_timeout: it gives a server up that waits for a lock and takes no more rows meanwhile.
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
    except psycopg.ProgrammingError:  # its words may hold the password
        raise WarehouseError("FLUX_WAREHOUSE_URL cannot be read; write postgresql://role:password@host/db") from None
    except psycopg.OperationalError as error:
        raise WarehouseError("the warehouse's Postgres cannot be reached; see FLUX_WAREHOUSE_URL") from error
    try:
        _require(connection)
        _set(connection, {**_TEXT_FORMS, **_WATCH, **_QUIET, **_PLANS})
        _lock(connection, lock_seconds)
    except BaseException:
        connection.close()
        raise
    return connection


def _require(connection: psycopg.Connection[Any]) -> None:
    if connection.info.server_version < _OLDEST:
        raise WarehouseError(f"the warehouse's Postgres is older than {_OLDEST // 10000}; upgrade it")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise WarehouseError(
            f"the warehouse's database has the encoding {encoding!r}, which cannot hold every text; "
            "create one with encoding 'UTF8'"
        )


def _set(connection: psycopg.Connection[Any], settings: dict[str, str]) -> None:
    """Set what the server knows; some settings are younger than the oldest version."""
    rows = connection.execute(
        "select lower(name) from pg_catalog.pg_settings where lower(name) = any($1)", [list(settings)]
    )
    for (name,) in rows.fetchall():
        connection.execute("select pg_catalog.set_config($1, $2, false)", [name, settings[name]])


def _lock(connection: psycopg.Connection[Any], seconds: int) -> None:
    """Take the lock. One who was killed a moment ago may still have it: wait some seconds."""
    connection.execute("select set_config('lock_timeout', $1, false)", [f"{seconds}s"])
    try:
        connection.execute("select pg_advisory_lock($1)", [_LOCK])
    except psycopg.errors.LockNotAvailable:
        holders = connection.execute(
            "select pid from pg_locks where locktype = 'advisory' and granted and objid = $1 "
            "and database = (select oid from pg_database where datname = current_database())",
            [_LOCK],
        ).fetchall()
        named = ", ".join(str(pid) for (pid,) in holders) or "gone by now"
        raise WarehouseError(
            f"another loader holds this warehouse (backend {named}); stop it, or wait until it is done"
        ) from None
    connection.execute("select set_config('lock_timeout', '0', false)")
