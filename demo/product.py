"""The stand-in product in one database: its schema, day 0, the days after it, live traffic, the web app's events.

Each step can be killed at any moment and called again: it goes on where it stopped and never doubles a row. Within one
process the story is told once, from step to step; a new process tells it again from its beginning and leaves out what
the database already holds (a few seconds at scale 1).
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Iterator
from itertools import chain, dropwhile

import psycopg

from demo import database
from demo.config import DAY, DemoConfig
from demo.dayzero import Stock, set_sequences
from demo.delivery import Delivery, deliver, delivered
from demo.errors import SimulationError
from demo.live import LiveTraffic
from demo.progress import Progress, silent
from demo.shipments import Journal
from demo.simulation import Simulation
from demo.story import Transaction
from demo.tables import timestamp
from demo.telling import last_told, tell_all

logger = logging.getLogger(__name__)


class Demo:
    """The stand-in product in the database of a URL: the embedded server's, or an empty one that was named for it.

    What is left None is taken from the database when the demo filled it before, else from `DemoConfig`; the end date
    is today (UTC) then. Raises NotOursError for a database that holds anything else, before anything is written.
    """

    def __init__(
        self,
        url: str,
        seed: int | None = None,
        scale: float | None = None,
        end_on: dt.date | None = None,
        *,
        days: int | None = None,
        history_days: int | None = None,
        bias: float | None = None,
    ) -> None:
        self._url = url
        self._wishes = database.Wishes(seed, scale, end_on, days, history_days, bias)
        self._config: DemoConfig | None = None
        self._simulation: Simulation | None = None
        self._rest: Iterator[Transaction] = iter(())
        self._at = 0  # number of the last transaction that `_rest` has handed out
        self._journal: Journal | None = None

    @property
    def config(self) -> DemoConfig:
        """Seed, scale, end date: the remembered ones, else those that `create_schema` will remember."""
        if self._config is None:
            with database.connected(self._url) as connection:
                self._config = database.settle(connection, self._wishes, dt.datetime.now(dt.UTC).date())
        return self._config

    def create_schema(self) -> None:
        """Make the product's schema and our marker, in one transaction; nothing to do when that was done before."""
        with database.connected(self._url) as connection, database.alone(connection):
            self._config = database.settle(connection, self._wishes, dt.datetime.now(dt.UTC).date())
            database.create_schema(connection, self._config)

    def load_day_zero(self, progress: Progress = silent) -> int:
        """Load the product as it is on day 0 by COPY, all or nothing. Returns the rows loaded, 0 when done before."""
        with database.connected(self._url) as connection, database.alone(connection):
            if self._is_done(connection, "day_zero_loaded"):
                return 0
            with Stock() as stock:
                self._begin()
                history = self.config.history_days
                for story in self._rest:
                    if story.at >= self.config.day_zero:
                        self._rest = chain([story], self._rest)
                        break
                    progress("history", max(0, (story.at - self.config.start) // DAY), history)
                    for change in story.changes:
                        stock.apply(change)
                with connection.transaction():
                    # Saves the look-up of each reference; needs a superuser, which the embedded server's role is.
                    if connection.info.parameter_status("is_superuser") == "on":
                        connection.execute("set local session_replication_role = replica")
                    stock.load(connection, lambda done, total: progress("day 0", done, total))
                    set_sequences(connection)
                    # The first tick: a copy of day 0 is to know when it is.
                    connection.execute("insert into simulated_clock values (0, %s)", [timestamp(self.config.day_zero)])
                    connection.execute("update demo_machinery.story set day_zero_loaded = true")
                return stock.row_count

    def run_days(self, progress: Progress = silent) -> int:
        """Tell the days after day 0 through the WAL. Returns the transactions told now, 0 when all were there."""
        with database.connected(self._url) as connection, database.alone(connection):
            if not self._is_done(connection, "day_zero_loaded"):
                raise SimulationError("the database has no day 0 yet; load it first")
            if self._is_done(connection, "days_told"):
                return 0
            days = self.config.days

            def notice(story: Transaction) -> None:
                progress("days", (story.at - self.config.day_zero) // DAY, days)

            told = tell_all(connection, self._days_after(last_told(connection)), notice)
            set_sequences(connection)
            connection.execute("update demo_machinery.story set days_told = true")
            progress("days", days, days)
            return told

    def send_events(
        self, host: str, write_key: str, progress: Progress = silent, *, sdk_events: int = 6000, again: bool = False
    ) -> Delivery:
        """Send the web app's events of the days after day 0 to a collector; a re-run sends those not acknowledged yet.

        `host` is the collector's address as for Segment's SDKs (`http://127.0.0.1:8675`). The first `sdk_events` that
        an SDK can carry go through segment-analytics-python, the rest as batches of its shape. `again` sends all,
        for a collector that lost its log. Raises EventDeliveryError.
        """
        with database.connected(self._url) as connection:
            if not self._is_done(connection, "days_told"):
                raise SimulationError("the days after day 0 are not complete yet; run them first")
            before = None if again else delivered(connection, write_key)
            if before is not None:
                return before
            if self._journal is None or not self._journal.is_complete:
                self._begin()
                for _ in self._days_after(2**62):
                    pass
            assert self._journal is not None
            return deliver(connection, self.config, self._journal, host, write_key, progress, sdk_events, again)

    def live(self, rate: float, stop: threading.Event, host: str | None = None, write_key: str | None = None) -> int:
        """Go on with traffic of the same kinds in real time until `stop` is set: `rate` transactions a second.

        Simulated time is now. With a host and a write key the web app's events go there too. Returns transactions.
        """
        with database.connected(self._url) as connection, database.alone(connection):
            if not self._is_done(connection, "days_told"):
                raise SimulationError("the days after day 0 are not complete yet; run them first")
            told = last_told(connection)
            if self._at > told or self._simulation is None:
                self._begin()
            for _ in self._days_after(2**62):
                pass
            traffic = LiveTraffic(connection, self.config, host, write_key)
            return traffic.run(dropwhile(lambda story: story.number <= told, self._rest), rate, stop)

    def _begin(self) -> None:
        """Begin to tell the story from its start."""
        self._simulation = Simulation(self.config, with_calls=True)
        self._rest = self._simulation.transactions()
        self._at = 0
        self._journal = Journal()

    def _days_after(self, number: int) -> Iterator[Transaction]:
        """The transactions up to the end date that come after this number; notes the calls of all on the way."""
        if self._at > number or self._simulation is None:
            self._begin()
        assert self._journal is not None
        for story in self._rest:
            if story.at >= self.config.end:
                self._rest = chain([story], self._rest)
                self._journal.complete()
                return
            if story.at >= self.config.day_zero:
                self._journal.note(story.calls)
            self._at = max(self._at, story.number)
            if story.number > number:
                yield story

    @staticmethod
    def _is_done(connection: psycopg.Connection, step: str) -> bool:
        if database.read_marker(connection) is None:
            database.check_empty(connection)
            raise SimulationError("the database is empty; create the schema first")
        row = connection.execute(f"select {step} from demo_machinery.story").fetchone()
        return row is not None and bool(row[0])
