"""A small story for all tests of the room, and a strict recorder in place of the collector."""

from __future__ import annotations

import base64
import datetime as dt
import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest

from demo.config import DemoConfig
from demo.product import Demo
from demo.server import Server
from demo.simulation import Simulation
from demo.story import Transaction

END = dt.date(2026, 11, 2)
WRITE_KEY = "demo-key"
SEED, SCALE, DAYS, HISTORY_DAYS = 3, 0.05, 25, 20  # of the small story that fills databases


@dataclass(frozen=True)
class Received:
    """One event as the recorder took it, with the request's `sentAt` and the moment of receipt."""

    event: dict[str, object]
    sent_at: dt.datetime
    received_at: dt.datetime
    user_agent: str
    is_bulk: bool

    @property
    def corrected(self) -> dt.datetime:
        """Segment's corrected time: received - (sent - original)."""
        return self.received_at - (self.sent_at - dt.datetime.fromisoformat(str(self.event["timestamp"])))


@dataclass
class Recorder:
    """Takes what Segment would take, and remembers what was wrong with the rest."""

    host: str = ""
    received: list[Received] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)  # statuses to answer before anything is taken again
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ids(self) -> list[str]:
        return [str(one.event["messageId"]) for one in self.received]

    def take(self, headers: dict[str, str], path: str, body: bytes) -> int:
        """Judge one request and return the status to answer."""
        with self.lock:
            if self.refusals:
                return self.refusals.pop()
            try:
                self._check(headers, path, body)
            except (AssertionError, KeyError, ValueError) as error:
                self.complaints.append(repr(error))
                return 400
            return 200

    def _check(self, headers: dict[str, str], path: str, body: bytes) -> None:
        now = dt.datetime.now(dt.UTC)
        assert path == "/v1/batch", path
        assert headers["authorization"] == "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
        document = json.loads(body)
        assert document["writeKey"] == WRITE_KEY
        assert 0 < len(document["batch"]) <= 2500
        sent_at = dt.datetime.fromisoformat(document["sentAt"])
        taken = []
        for event in document["batch"]:
            assert len(json.dumps(event)) <= 32_768
            assert 0 < len(event["messageId"]) < 100
            assert event["userId"] or event["anonymousId"]
            assert event["type"] in ("track", "page", "identify", "group")
            assert isinstance(event["event" if event["type"] == "track" else "context"], str | dict)
            # The SDK's own requests come from the `requests` package, which names what it accepts.
            is_bulk = "accept" not in headers
            taken.append(Received(event, sent_at, now, headers["user-agent"], is_bulk))
        self.received.extend(taken)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A collector on loopback that accepts only what Segment's contract allows."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = recorder.take({name.lower(): value for name, value in self.headers.items()}, self.path, body)
            answer = b'{"success":true}' if status == 200 else b'{"code":"refused","message":"try later"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    recorder.host = f"http://127.0.0.1:{server.server_address[1]}"
    yield recorder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def config() -> DemoConfig:
    """A story large enough to have every kind of event in it."""
    return DemoConfig(end_on=END, seed=12, scale=0.25, days=70, history_days=30)


@pytest.fixture(scope="session")
def story(config: DemoConfig) -> list[Transaction]:
    """All transactions of that story, with its calls."""
    return list(Simulation(config, with_calls=True).transactions(config.end))


def small_demo(url: str) -> Demo:
    """The demo of the small story in the database of this URL."""
    return Demo(url, SEED, SCALE, END, days=DAYS, history_days=HISTORY_DAYS)


def fill(url: str) -> None:
    """Tell the small story into an empty database."""
    demo = small_demo(url)
    demo.create_schema()
    demo.load_day_zero()
    demo.run_days()


@pytest.fixture(scope="session")
def untroubled(postgres_server: Server) -> Iterator[str]:
    """Name of a database that was filled without any trouble."""
    admin = postgres_server.database_url("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("create database untroubled template template0")
    fill(postgres_server.database_url("untroubled"))
    yield "untroubled"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("drop database untroubled with (force)")


@pytest.fixture
def filled(untroubled: str, postgres_server: Server) -> Iterator[str]:
    """URL of a copy of the filled database."""
    admin, name = postgres_server.database_url("postgres"), f"filled_{uuid.uuid4().hex}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {name} template {untroubled} strategy file_copy")
    yield postgres_server.database_url(name)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def checksums(url: str) -> dict[str, tuple[int, str]]:
    """Rows and checksum of the contents of every table, by name."""
    with psycopg.connect(url) as connection:
        connection.execute("set timezone = 'UTC'")
        names = connection.execute(
            "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname in ('public', 'restricted') and c.relkind in ('r', 'p') and not c.relispartition"
        ).fetchall()
        sums = {}
        for (name,) in names:
            row = connection.execute(
                f"select count(*), coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from {name} as t"
            ).fetchone()
            assert row is not None
            sums[name] = (row[0], row[1])
        return sums
