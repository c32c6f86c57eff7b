"""The house around the stand-in's content: who may come in, settings, databases."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jwt

from tests.dashboards.metabase.schema import Schema
from tests.dashboards.metabase.strict import Json, RefusedError, of, only, text, wrong

if TYPE_CHECKING:
    from tests.dashboards.metabase.state import State

API_KEY = "mb_a-key-of-the-stand-in"
TOKEN = "a-token-for-the-first-visitor"
SECRETS = ("embedding-secret-key",)
NEEDED = {"postgres": {"host", "port", "dbname", "user"}, "duckdb": {"database_file"}}


class House:
    """An empty one waits for its first administrator; the other has one, an API key and a database."""

    def __init__(self, database: int, *, empty: bool) -> None:
        self.starting = 0
        """How many calls still find it starting."""
        self.admin: tuple[str, str] | None = None if empty else ("admin@example.com", "correct horse")
        self.keys: dict[int, Json] = {} if empty else {1: {"id": 1, "name": "by hand", "group_id": 2, "key": API_KEY}}
        self.sessions: set[str] = set()
        self.settings: dict[str, Any] = {"anon-tracking-enabled": True, "enable-embedding-static": False}
        self.databases: dict[int, Json] = {}
        self.syncs = 0
        self._first, self._numbers = database, itertools.count(100)
        if not empty:
            one = {"id": database, "name": "Flux", "engine": "duckdb", "details": {}, "is_sample": False}
            self.databases[database] = one | {"initial_sync_status": "complete"}

    def knows(self, headers: Mapping[str, str]) -> bool:
        keys = {one["key"] for one in self.keys.values()}
        return headers.get("X-API-KEY") in keys or headers.get("X-METABASE-SESSION") in self.sessions

    def health(self) -> Json:
        if self.starting > 0:
            self.starting -= 1
            raise RefusedError(503, {"status": "initializing", "progress": 0.3})
        return {"status": "ok"}

    def properties(self) -> Json:
        return {"has-user-setup": self.admin is not None, "setup-token": None if self.admin else TOKEN}

    def set_up(self, body: Json) -> Json:
        only(body, {"token", "user", "prefs", "database"})
        if self.admin is not None:
            raise RefusedError(403, "The /api/setup route can only be used to create the first user.")
        if body.get("token") != TOKEN:
            raise wrong("token", "Token does not match the setup token.")
        only(body["user"], {"email", "password", "first_name", "last_name", "site_name", "password_confirm"})
        only(body["prefs"], {"site_name", "site_locale", "allow_tracking"})
        text(body["prefs"], "site_name")
        password = text(body["user"], "password")
        if len(password) < 6 or not re.search(r"\d", password):
            raise wrong("password", "password is too common.")
        self.admin = (text(body["user"], "email"), password)
        self.settings["anon-tracking-enabled"] = True
        return self._session()

    def sign_in(self, body: Json) -> Json:
        only(body, {"username", "password"})
        if (body.get("username"), body.get("password")) != self.admin:
            raise RefusedError(401, {"errors": {"password": "did not match stored password"}})
        return self._session()

    def _session(self) -> Json:
        name = f"session-{next(self._numbers)}"
        self.sessions.add(name)
        return {"id": name}

    def list_keys(self) -> list[Json]:
        return [
            {"id": one["id"], "name": one["name"], "masked_key": "mb_...", "group": {"id": one["group_id"]}}
            for one in self.keys.values()
        ]

    def add_key(self, body: Json) -> Json:
        only(body, {"name", "group_id"})
        if any(one["name"] == text(body, "name") for one in self.keys.values()):
            raise wrong("name", "An API key with this name already exists.")
        number = next(self._numbers)
        self.keys[number] = {"id": number, **body, "key": f"mb_made-{number}"}
        return {"id": number, "unmasked_key": self.keys[number]["key"], "masked_key": "mb_..."}

    def renew_key(self, number: int) -> Json:
        key = of(self.keys, number)
        key["key"] = f"mb_made-{next(self._numbers)}"
        return {"id": number, "unmasked_key": key["key"], "masked_key": "mb_..."}

    def setting(self, name: str) -> Any:
        if name in SECRETS and name in self.settings:
            return "**********"
        return self.settings.get(name)

    def change_setting(self, name: str, body: Json, state: State) -> None:
        only(body, {"value"})
        if name not in (*self.settings, *SECRETS):
            raise RefusedError(404, f"Unknown setting: {name!r}")
        if name == "embedding-secret-key" and not re.fullmatch(r"[0-9a-f]{64}", str(body["value"])):
            raise wrong("value", "Invalid embedding-secret-key! Secret key must be a hexadecimal-encoded 256-bit key.")
        self.settings[name] = body["value"]
        state.embeds = bool(self.settings["enable-embedding-static"])

    def unsign(self, token: str, board: Json) -> Json:
        """Read a signed address: who may see the dashboard, and for which values."""
        try:
            claims: Json = jwt.decode(token, str(self.settings.get("embedding-secret-key")), algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise RefusedError(400, "Message seems corrupt or manipulated") from error
        if not self.settings["enable-embedding-static"] or not board["enable_embedding"]:
            raise RefusedError(400, "Embedding is not enabled for this object.")
        for name, way in (board["embedding_params"] or {}).items():
            if way == "locked" and name not in claims["params"]:
                raise RefusedError(400, f"You must specify a value for :{name} in the JWT.")
        if unknown := set(claims["params"]) - set(board["embedding_params"] or {}):
            raise RefusedError(400, f"Unknown parameter :{min(unknown)}.")
        return claims

    def list_databases(self) -> Json:
        return {"data": [self.database(number) for number in self.databases], "total": len(self.databases)}

    def database(self, number: int) -> Json:
        """Give a database; nobody reads its password back."""
        one = dict(of(self.databases, number))
        one["details"] = {
            name: "**MetabasePass**" if name == "password" else value for name, value in one["details"].items()
        }
        return one

    def add_database(self, body: Json) -> Json:
        only(body, {
            "name", "engine", "details", "is_full_sync", "is_on_demand", "connection_source", "schedules",
            "auto_run_queries", "cache_ttl", "provider_name",
        })  # fmt: skip
        self._check(body)
        number = self._first if not self.databases else next(self._numbers)
        self.databases[number] = {
            "id": number, "name": text(body, "name"), "engine": body["engine"], "details": body["details"],
            "initial_sync_status": "incomplete",
        }  # fmt: skip
        return self.database(number)

    def change_database(self, number: int, body: Json) -> Json:
        one = of(self.databases, number)
        only(body, {"name", "engine", "details", "is_full_sync", "is_on_demand", "schedules", "auto_run_queries"})
        self._check(one | body)
        one.update(body)
        return self.database(number)

    def _check(self, body: Json) -> None:
        """A real server connects before it believes; this one knows what each engine needs."""
        if body.get("engine") not in NEEDED:
            raise wrong("engine", "value must be a valid database engine.")
        if missing := NEEDED[body["engine"]] - set(body["details"]):
            raise wrong(min(missing), "check your connection details")

    def sync(self, number: int, schema: Schema) -> Json:
        """Begin to read the tables; done when it was asked for a second time."""
        one = of(self.databases, number)
        self.syncs += 1
        schema.read()
        one["initial_sync_status"] = "complete"
        return {"status": "ok"}
