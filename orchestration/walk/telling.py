"""The stand-in's story: its past once, its present for as long as one wants."""

from __future__ import annotations

import logging
import threading
import time

import psycopg

from demo import Demo
from demo.errors import DemoConfigError, DemoError, NotOursError
from demo.progress import Progress
from ingestion.errors import SourceError
from ingestion.postgres.source import Source, connect
from orchestration.settings import Settings
from orchestration.walk.collecting import any_key
from orchestration.walk.product import known_source, refuse_real_source

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)  # while the product's server, or the collector, is started again


def tell_past(settings: Settings, port: int, *, tell: Progress) -> None:
    """Make the product and half a year of its life; what is there already is not made again.

    After day 0 it waits until the slot exists: what follows shall reach the platform through the WAL. Steps told:
    `schema`, `history`, `day 0`, `slot`, `days`, `events`, each up to done = total. Where the product or the collector
    goes away it goes on when they are there again, within half a minute.
    """
    for pause in PAUSES_SECONDS:
        try:
            return _tell_past(settings, port, tell)
        except (DemoConfigError, NotOursError):
            raise
        except (DemoError, SourceError, psycopg.OperationalError) as error:
            logger.warning("the story was interrupted, going on seconds=%.0f error=%s", pause, type(error).__name__)
            time.sleep(pause)
    return _tell_past(settings, port, tell)


def _tell_past(settings: Settings, port: int, tell: Progress) -> None:
    source = known_source(settings)
    demo = stand_in_demo(settings, source.url)
    tell("schema", 0, 1)
    demo.create_schema()
    tell("schema", 1, 1)
    rows = demo.load_day_zero(tell)
    tell("day 0", rows, rows)
    tell("slot", 0, 1)
    while not slot_exists(source):
        time.sleep(POLL_SECONDS)
    tell("slot", 1, 1)
    transactions = demo.run_days(tell)
    tell("transactions", transactions, transactions)
    delivery = demo.send_events(f"http://127.0.0.1:{port}", any_key(settings), tell)
    sent = delivery.by_sdk + delivery.in_bulk
    tell("events", sent, sent)
    tell("events by SDK", delivery.by_sdk, delivery.by_sdk)


def tell_present(settings: Settings, port: int, stop: threading.Event) -> None:
    """Go on with the story in real time until `stop` is set."""
    demo = stand_in_demo(settings, known_source(settings).url)
    demo.live(settings.demo_rate, stop, f"http://127.0.0.1:{port}", any_key(settings))


def stand_in_demo(settings: Settings, url: str) -> Demo:
    """Give the stand-in of these settings in its database."""
    refuse_real_source(settings)
    return Demo(url, settings.demo_seed, settings.demo_scale, settings.demo_end, bias=settings.demo_bias)


def slot_exists(source: Source) -> bool:
    """Tell whether the source holds what comes for us."""
    with connect(source) as connection:
        row = connection.execute(
            "select 1 from pg_replication_slots where slot_name = %s and database = current_database()", [source.slot]
        ).fetchone()
    return row is not None
