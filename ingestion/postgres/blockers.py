"""Who makes the making of a slot wait, in words that may be logged.

Of a query only what comes before its first literal is shown: values of the product belong into no log. Its whole text
is one statement away for whoever may see it.
"""

import re
from typing import Any, Final, LiteralString

import psycopg

# Words, parameters, punctuation, and quoted names where no value can stand. What begins otherwise (quotes, digits,
# dollar quotes, comments) may be a value, or hold one.
_SHOWN: Final = re.compile(
    r"(?:(?:update|into|from|join|only|table)\s+(?:\"[^\"]*\"\.)?\"[^\"]*\"|[a-z_]\w*|\$\d+|\s+|[(),.;=<>*+|:\[\]])*",
    re.IGNORECASE,
)
_SHOWN_CHARACTERS: Final = 120
_WHO: Final[LiteralString] = """
select a.pid, a.usename, a.application_name, a.state,
    extract(epoch from clock_timestamp() - a.xact_start)::bigint, a.query
from pg_stat_activity a
"""
_BLOCKING: Final[LiteralString] = _WHO + "where a.pid = any(pg_blocking_pids(%(pid)s)) order by a.xact_start, a.pid"
# Who holds a transaction number, also where pg_stat_activity hides it from the role.
_WRITING: Final[LiteralString] = (
    _WHO
    + """
where a.pid <> pg_backend_pid() and a.pid in (
    select l.pid from pg_locks l where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted
) and (a.xact_start is null or a.xact_start < now() - %(seconds)s * interval '1 second')
order by a.xact_start, a.pid
"""
)
_PREPARED: Final = """
select gid, owner, database, extract(epoch from now() - prepared)::bigint from pg_prepared_xacts
where prepared < now() - %(seconds)s * interval '1 second' order by prepared
"""


def blocking(connection: psycopg.Connection[Any], pid: int) -> list[str]:
    """Name the transactions that a process waits for, oldest first."""
    found = [_told(*row) for row in connection.execute(_BLOCKING, {"pid": pid})]
    row = connection.execute("select 0 = any(pg_blocking_pids(%s))", (pid,)).fetchone()
    return found + (_prepared(connection, 0) if row is not None and row[0] else [])


def writing(connection: psycopg.Connection[Any], seconds: float) -> list[str]:
    """Name the write transactions that are older: making a slot waits for each of them."""
    found = [_told(*row) for row in connection.execute(_WRITING, {"seconds": seconds})]
    return found + _prepared(connection, seconds)


def shown_query(text: str | None) -> str:
    """The begin of a query, up to its first literal; white space counts as one blank."""
    words = " ".join((text or "").split())
    if words.lower().startswith("set "):
        return "set ..."  # whose values may be bare words
    match = _SHOWN.match(words)
    shown = (match.group() if match else "")[:_SHOWN_CHARACTERS].rstrip()
    return shown if shown == words else f"{shown} ..."


def _told(
    pid: int, role: str | None, application: str | None, state: str | None, seconds: int | None, query: str | None
) -> str:
    age = f"open for {seconds} s" if seconds is not None else "of an age that this role may not see"
    named = f", application {application!r}" if application else ""
    running = "" if state is None else f", {state}: {shown_query(query)}"
    return f"pid {pid} of role {role!r}{named}, {age}{running}"


def _prepared(connection: psycopg.Connection[Any], seconds: float) -> list[str]:
    return [
        f"transaction {gid!r} of role {owner!r}, prepared {age} s ago in database {database!r}: commit prepared or "
        "rollback prepared ends it"
        for gid, owner, database, age in connection.execute(_PREPARED, {"seconds": seconds})
    ]
