"""Bring an empty Metabase to where dashboards can be applied: first admin, API key, database, embedding.

Each step looks first whether it was done, so all may be run again at any time: by a machine that starts, or after it
was killed. Nothing that somebody changed there is changed back but the database's address. Secrets go into the calls'
bodies and nowhere else.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from dashboards.metabase.client import Client
from dashboards.metabase.errors import MetabaseRefusedError, MetabaseUnreachableError, SetUpError

Json = dict[str, Any]  # Any: the server's own shape
Say = Callable[[str], None]
KEY_NAME: Final = "flux"
_ADMINISTRATORS: Final = 2  # Metabase's own group, of this number since its first version
_SITE: Final = "Flux"
_POLL: Final = 1.0
_SCHEMA: Final = "serving"
_MASK: Final = "**MetabasePass**"


@dataclass(frozen=True, slots=True)
class Admin:
    """The first administrator."""

    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Source:
    """A database as Metabase reaches it: `postgresql://reader:password@host/db` or `duckdb:///path`."""

    name: str
    url: str = field(repr=False)

    def engine_and_details(self) -> tuple[str, Json]:
        """Give Metabase's engine and its connection details. Raises SetUpError."""
        parts = urlsplit(self.url)
        if parts.scheme in ("postgresql", "postgres"):
            if not parts.hostname or not parts.path.strip("/"):
                raise SetUpError("FLUX_METABASE_DATABASE_URL wants postgresql://role:password@host[:port]/database")
            return "postgres", {
                "host": parts.hostname,
                "port": parts.port or 5432,
                "dbname": unquote(parts.path.strip("/")),
                "user": unquote(parts.username or ""),
                "password": unquote(parts.password or ""),
                "ssl": "sslmode=disable" not in parts.query and parts.query != "",
                "schema-filters-type": "inclusion",
                "schema-filters-patterns": _SCHEMA,
            }
        if parts.scheme == "duckdb" and parts.path.startswith("/"):
            return "duckdb", {"database_file": unquote(parts.path), "read_only": True, "old_implicit_casting": True}
        raise SetUpError("FLUX_METABASE_DATABASE_URL wants postgresql://... or duckdb:///PATH as Metabase reaches it")


@dataclass(frozen=True, slots=True)
class Ready:
    """What was found or made."""

    version: int
    made: tuple[str, ...]
    tables: int


def set_up(
    url: str,
    *,
    admin: Admin | None,
    source: Source,
    api_key: str | None,
    key_file: Path | None,
    embedding_secret: str | None,
    wait_seconds: float,
    say: Say,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Ready:
    """Do what is missing. Raises MetabaseError, SetUpError.

    `api_key` is the one at hand, if any; a new one is written to `key_file`, readable by its owner alone.
    """
    made: list[str] = []
    stranger = Client(url, sleep=sleep)
    _wait(stranger, clock() + wait_seconds, clock, sleep, say)
    version = stranger.require_version()
    client, session = _signed_in(stranger, url, admin, api_key, sleep, made, say)
    if session:
        key = _key(client, key_file, made, say)
        client = Client(url, api_key=key, sleep=sleep)
    number = _database(client, source, made, say)
    _embedding(client, embedding_secret, made, say)
    tables = _synced(client, number, source.name, clock() + wait_seconds, clock, sleep, say)
    return Ready(version, tuple(made), tables)


def _wait(client: Client, until: float, clock: Callable[[], float], sleep: Callable[[float], None], say: Say) -> None:
    """Wait until it answers that it is well; the first start takes minutes, since it makes its own tables."""
    while True:
        try:
            if client.get("/api/health").get("status") == "ok":
                return
        except (MetabaseUnreachableError, MetabaseRefusedError) as error:
            if clock() >= until:
                raise SetUpError(f"{client.url} did not become well in time; see Metabase's own log") from error
        if clock() >= until:
            raise SetUpError(f"{client.url} says for all this time that it is starting; see Metabase's own log")
        say("waiting until Metabase is well")
        sleep(_POLL)


def _signed_in(
    stranger: Client,
    url: str,
    admin: Admin | None,
    api_key: str | None,
    sleep: Callable[[float], None],
    made: list[str],
    say: Say,
) -> tuple[Client, bool]:
    """Give a client with rights, and whether it needs an API key yet."""
    properties = stranger.get("/api/session/properties")
    if properties.get("has-user-setup"):
        if api_key is not None and _is_known(keyed := Client(url, api_key=api_key, sleep=sleep)):
            return keyed, False
        if admin is None:
            raise SetUpError(
                "this Metabase has its first administrator, and the API key at hand is not known there; set"
                " FLUX_METABASE_API_KEY, or FLUX_METABASE_ADMIN_EMAIL and FLUX_METABASE_ADMIN_PASSWORD_FILE"
            )
        say("signing in")
        answer = stranger.post("/api/session", {"username": admin.email, "password": admin.password})
        return Client(url, session=answer["id"], sleep=sleep), True
    token = properties.get("setup-token")
    if admin is None or not token:
        raise SetUpError(
            "this Metabase is empty; set FLUX_METABASE_ADMIN_EMAIL and FLUX_METABASE_ADMIN_PASSWORD_FILE for its first"
            " administrator"
        )
    say("making the first administrator")
    answer = stranger.post("/api/setup", {
        "token": token,
        "user": {"email": admin.email, "password": admin.password, "first_name": None, "last_name": None},
        "prefs": {"site_name": _SITE, "site_locale": "en"},
    })  # fmt: skip
    made.append("first administrator")
    client = Client(url, session=answer["id"], sleep=sleep)
    client.put("/api/setting/anon-tracking-enabled", {"value": False})  # the set-up switches it on
    return client, True


def _is_known(client: Client) -> bool:
    try:
        client.get("/api/user/current")
    except MetabaseRefusedError as refused:
        if refused.status in (401, 403):
            return False
        raise
    return True


def _key(client: Client, key_file: Path | None, made: list[str], say: Say) -> str:
    """Make an API key, or a new secret for the one of our name: what is lost cannot be read again."""
    if key_file is None:
        raise SetUpError("set FLUX_METABASE_API_KEY_FILE: the file that the new API key is written to")
    say("making an API key")
    ours = next((one for one in client.get("/api/api-key") if one["name"] == KEY_NAME), None)
    if ours is None:
        answer = client.post("/api/api-key", {"name": KEY_NAME, "group_id": _ADMINISTRATORS})
    else:
        answer = client.put(f"/api/api-key/{ours['id']}/regenerate", {})
    key: str = answer["unmasked_key"]
    _write_secret(key_file, key)
    made.append("API key")
    return key


def _write_secret(path: Path, text: str) -> None:
    """Put a secret in place whole, readable by its owner alone from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _database(client: Client, source: Source, made: list[str], say: Say) -> int:
    """Add the database, or correct its address. A password cannot be compared: it is sent where something differs."""
    engine, details = source.engine_and_details()
    there = next((one for one in client.get("/api/database")["data"] if one["name"] == source.name), None)
    number: int
    if there is None:
        say("adding the database")
        number = client.post("/api/database", {
            "name": source.name,
            "engine": engine,
            "details": details,
            "is_full_sync": True,
            "is_on_demand": False,
            "connection_source": "admin",
        })["id"]  # fmt: skip
        made.append("database")
        return number
    number = there["id"]
    if there["engine"] != engine:
        raise SetUpError(
            f"Metabase's database {source.name!r} is of the engine {there['engine']!r}, not {engine!r}; rename it"
            " there, or set FLUX_METABASE_DATABASE to another name"
        )
    known = there.get("details") or {}
    if any(known.get(name) != value for name, value in details.items() if known.get(name) != _MASK):
        say("correcting the database's address")
        client.put(f"/api/database/{number}", {"name": source.name, "engine": engine, "details": details})
        made.append("database's address")
    return number


def _embedding(client: Client, secret: str | None, made: list[str], say: Say) -> None:
    """Let dashboards be embedded by links that are signed with our secret; without one nothing is said about it."""
    if secret is None:
        return
    if client.get("/api/setting/enable-embedding-static") is not True:
        say("allowing signed embedding")
        client.put("/api/setting/enable-embedding-static", {"value": True})
        made.append("signed embedding")
    client.put("/api/setting/embedding-secret-key", {"value": secret})  # it is masked when read: always told


def _synced(
    client: Client,
    number: int,
    name: str,
    until: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    say: Say,
) -> int:
    """Let Metabase read the tables, and wait for it; return how many there are."""
    client.post(f"/api/database/{number}/sync_schema")
    while True:
        one = client.get(f"/api/database/{number}")
        tables = client.get(f"/api/database/{number}/metadata", include_hidden=True)["tables"]
        if one.get("initial_sync_status") == "complete" and tables:
            return len(tables)
        if clock() >= until:
            raise SetUpError(
                f"Metabase has read no table of {name!r} in time; is something published there ('flux publish --to',"
                " or a build), and may the role read it?"
            )
        say("waiting until Metabase has read the tables")
        sleep(_POLL)
