"""HTTP of the stand-in for Metabase, on loopback: refuses unknown routes and ids, and records what it is asked."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

from tests.dashboards.metabase.house import API_KEY, House
from tests.dashboards.metabase.state import Json, RefusedError, State

__all__ = ["API_KEY", "Fake", "serving"]

OPEN = re.compile(r"/api/(health|session/properties|setup|session|embed/.*)")


class Fake:
    """One server. `faults` are answered instead, one each: `(method, path) -> status`, or an exception that cuts."""

    def __init__(self, state: State, version: str = "v0.58.3", *, empty: bool = False) -> None:
        self.state, self.version = state, version
        self.house = House(state.database, empty=empty)
        if not empty:
            state.schema.read()
        self.asked: list[tuple[str, str]] = []
        self.before: Callable[[str, str], int | None] = lambda method, path: None
        """Called before each call: a status is answered instead, 0 cuts the connection before the call is done."""
        self.after: Callable[[str, str], bool] = lambda method, path: False
        """Called after each call: True cuts the connection, though the call was done."""
        self.url = ""
        self.retry_after: str | None = None
        """What an answer of `before` says of it in its head."""

    @property
    def writes(self) -> list[tuple[str, str]]:
        """What was written, leaving out questions."""
        questions = ("/query", "/translate")
        return [call for call in self.asked if call[0] != "GET" and not call[1].endswith(questions)]

    def answer(self, method: str, path: str, parameters: dict[str, str], body: Json) -> Any:
        """Answer one call. Raises RefusedError."""
        state, house, people, sent, schema = (
            self.state,
            self.house,
            self.state.people,
            self.state.sent,
            self.state.schema,
        )

        def number(name: str) -> int | None:
            return int(parameters[name]) if name in parameters else None

        def embedded(token: str) -> tuple[Json, Json]:
            number = jwt.decode(token, options={"verify_signature": False})["resource"]["dashboard"]
            board = state._of(state.dashboards, number)
            return board, house.unsign(token, board)

        routes: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", r"/api/health", house.health),
            ("GET", r"/api/session/properties", lambda: {"version": {"tag": self.version}} | house.properties()),
            ("POST", r"/api/setup", lambda: house.set_up(body)),
            ("POST", r"/api/session", lambda: house.sign_in(body)),
            ("GET", r"/api/user/current", lambda: {"id": 1, "email": "admin@example.com"}),
            ("GET", r"/api/api-key", house.list_keys),
            ("POST", r"/api/api-key", lambda: house.add_key(body)),
            ("PUT", r"/api/api-key/(\d+)/regenerate", house.renew_key),
            ("GET", r"/api/setting/([a-z-]+%3F|[a-z-]+)", house.setting),
            ("PUT", r"/api/setting/([a-z-]+)", lambda name: house.change_setting(name, body, state)),
            ("GET", r"/api/database", house.list_databases),
            ("POST", r"/api/database", lambda: house.add_database(body)),
            ("GET", r"/api/database/(\d+)", house.database),
            ("PUT", r"/api/database/(\d+)", lambda n: house.change_database(n, body)),
            ("POST", r"/api/database/(\d+)/sync_schema", lambda n: house.sync(n, schema)),
            ("GET", r"/api/database/(\d+)/metadata", lambda n: schema.metadata(house.database(n))),
            ("GET", r"/api/table/(\d+)", lambda n: schema.table(n, fields=False)),
            ("GET", r"/api/table/(\d+)/query_metadata", schema.table),
            ("PUT", r"/api/table/(\d+)", lambda n: schema.change_table(n, body)),
            ("GET", r"/api/field/(\d+)", schema.field),
            ("PUT", r"/api/field/(\d+)", lambda n: schema.change_field(n, body)),
            ("GET", r"/api/permissions/group", people.list_groups),
            ("POST", r"/api/permissions/group", lambda: people.add_group(body)),
            ("GET", r"/api/permissions/group/(\d+)", people.group),
            ("PUT", r"/api/permissions/group/(\d+)", lambda n: people.change_group(n, body)),
            ("GET", r"/api/user", people.list_users),
            ("POST", r"/api/permissions/membership", lambda: people.add_membership(body)),
            ("DELETE", r"/api/permissions/membership/(\d+)", people.end_membership),
            ("GET", r"/api/permissions/graph", people.data_graph),
            ("PUT", r"/api/permissions/graph", lambda: people.change_data(body)),
            ("GET", r"/api/collection/graph", lambda: people.collection_graph(state.collections)),
            ("PUT", r"/api/collection/graph", lambda: people.change_collections(body, state.collections)),
            ("GET", r"/api/pulse/form_input", sent.form_input),
            ("GET", r"/api/pulse", lambda: sent.list_pulses(number("dashboard_id"), "archived" in parameters)),
            ("POST", r"/api/pulse", lambda: sent.add_pulse(body)),
            ("GET", r"/api/pulse/(\d+)", sent.pulse),
            ("PUT", r"/api/pulse/(\d+)", lambda n: sent.change_pulse(n, body)),
            (
                "GET",
                r"/api/notification",
                lambda: sent.list_notifications(number("card_id"), "include_inactive" in parameters),
            ),
            ("POST", r"/api/notification", lambda: sent.add_notification(body)),
            ("GET", r"/api/notification/(\d+)", sent.notification),
            ("PUT", r"/api/notification/(\d+)", lambda n: sent.change_notification(n, body)),
            ("GET", r"/api/collection", lambda: state.list_collections(parameters.get("archived") == "true")),
            ("POST", r"/api/collection", lambda: state.add_collection(body)),
            ("GET", r"/api/collection/(\d+)", lambda n: dict(state._of(state.collections, n))),
            ("PUT", r"/api/collection/(\d+)", lambda n: state.change_collection(n, body)),
            ("GET", r"/api/collection/(\d+)/items", lambda n: state.items(n, parameters.get("models"))),
            ("POST", r"/api/eid-translation/translate", lambda: state.translate(body)),
            ("POST", r"/api/card", lambda: state.add_card(body)),
            ("GET", r"/api/card", lambda: [state.card(number) for number in state.cards]),
            ("GET", r"/api/card/(\d+)", state.card),
            ("PUT", r"/api/card/(\d+)", lambda n: state.change_card(n, body)),
            ("POST", r"/api/card/(\d+)/query", state.ask_card),
            ("GET", r"/api/embed/dashboard/([\w.=-]+)", lambda token: {"name": embedded(token)[0]["name"]}),
            (
                "GET",
                r"/api/embed/dashboard/([\w.=-]+)/dashcard/(\d+)/card/(\d+)",
                lambda token, place, card: state.embedded(
                    embedded(token)[1]["params"], embedded(token)[0]["id"], place, card
                ),
            ),
            ("POST", r"/api/dashboard", lambda: state.add_dashboard(body)),
            ("GET", r"/api/dashboard", lambda: [state.dashboard(number) for number in state.dashboards]),
            ("GET", r"/api/dashboard/(\d+)", state.dashboard),
            ("GET", r"/api/dashboard/(\d+)/params/([^/]+)/values", state.values),
            ("PUT", r"/api/dashboard/(\d+)", lambda n: state.change_dashboard(n, body)),
            ("POST", r"/api/dashboard/(\d+)/dashcard/(\d+)/card/(\d+)/query", state.run),
        ]
        for verb, pattern, act in routes:
            match = re.fullmatch(pattern, path)
            if match is not None and verb == method:
                return act(*(int(group) if group.isdigit() else group for group in match.groups()))
        raise RefusedError(404, "API endpoint does not exist.")


@contextmanager
def serving(fake: Fake) -> Iterator[Fake]:
    """Let it answer while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_call(self) -> None:
            parts = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            fake.asked.append((self.command, parts.path))
            status = fake.before(self.command, parts.path)
            if status == 0:
                self.close_connection = True
                return
            if status is not None:
                self._send(status, "as it was told")
                return
            if not OPEN.fullmatch(parts.path) and not fake.house.knows(
                {name.upper(): one for name, one in self.headers.items()}
            ):
                self._send(401, "Unauthenticated")
                return
            parameters = {name: ",".join(values) for name, values in parse_qs(parts.query).items()}
            try:
                found = fake.answer(self.command, parts.path, parameters, body)
            except RefusedError as refused:
                self._send(refused.status, refused.body)
                return
            if fake.after(self.command, parts.path):
                self.close_connection = True
                return
            self._send(202 if parts.path.endswith("/query") else 200, found)

        do_GET = do_POST = do_PUT = do_DELETE = handle_call  # noqa: N815 - the names that http.server calls

        def _send(self, status: int, body: Any) -> None:
            text = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
            self.send_header("Content-Length", str(len(text)))
            if fake.retry_after is not None:
                self.send_header("Retry-After", fake.retry_after)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
