"""Filling a database: refuses others, remembers what it was asked, goes on after kill -9, never doubles a row."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from demo.errors import DemoConfigError, NotOursError, SimulationError
from demo.product import Demo
from tests.demo.conftest import END, checksums, fill, small_demo

ROOT = Path(__file__).parents[2]
PROGRAM = """
import datetime as dt, sys
from demo.product import Demo
def progress(step, done, total):
    print(step, done, flush=True)
demo = Demo(sys.argv[1], 3, 0.05, dt.date(2026, 11, 2), days=25, history_days=20)
demo.create_schema(); demo.load_day_zero(progress); demo.run_days(progress)
"""


def _run_until(url: str, line: str) -> None:
    """Fill in another process, and kill it at once when it has said this line."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-c", PROGRAM, url]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        assert process.stdout is not None
        said = next((text for text in process.stdout if text.startswith(line)), None)
        process.send_signal(signal.SIGKILL)
    assert said is not None


def test_killed_again_and_again_it_ends_with_the_same_rows(database: str, filled: str) -> None:
    _run_until(database, "day 0 15")
    _run_until(database, "days 9")
    fill(database)
    assert checksums(database) == checksums(filled)


def test_days_go_on_in_the_same_process_after_an_interruption(database: str, filled: str) -> None:
    def interrupt(step: str, done: int, total: int) -> None:
        if step == "days" and done == 12:
            raise KeyboardInterrupt

    demo = small_demo(database)
    demo.create_schema()
    demo.load_day_zero()
    with pytest.raises(KeyboardInterrupt):
        demo.run_days(interrupt)
    demo.run_days()
    assert checksums(database) == checksums(filled)


def test_second_run_tells_nothing(filled: str) -> None:
    demo = Demo(filled)
    demo.create_schema()
    assert (demo.load_day_zero(), demo.run_days()) == (0, 0)
    assert demo.config.end_on == END


def test_rows_keep_every_promise_of_the_schema(filled: str) -> None:
    """Day 0 is loaded without checks of references, which the embedded server allows: so check them here."""
    with psycopg.connect(filled, autocommit=True) as connection:
        names = connection.execute(
            "select conrelid::regclass::text, conname from pg_constraint where contype = 'f' and conparentid = 0"
        ).fetchall()
        for table, name in names:
            definition = connection.execute(
                "select pg_get_constraintdef(oid) from pg_constraint where conname = %s", [name]
            ).fetchone()
            assert definition is not None
            connection.execute(f"alter table {table} drop constraint {name}, add constraint {name} {definition[0]}")
    assert len(names) > 40


def test_clock_ticks_on_day_zero_and_once_for_each_transaction_until_the_end(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        row = connection.execute(
            "select count(*) = max(tx_no) + 1, min(simulated_at) >= '2026-10-08', max(simulated_at) < '2026-11-02',"
            " bool_and(ok) from (select *, simulated_at >= lag(simulated_at, 1, simulated_at)"
            " over (order by tx_no) as ok from simulated_clock) as clock"
        ).fetchone()
    assert row == (True, True, True, True)


def test_database_with_anything_in_it_is_refused_and_left_alone(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table payroll (amount numeric)")
    for step in (Demo.create_schema, Demo.load_day_zero, Demo.run_days):
        with pytest.raises(NotOursError, match=r"'public\.payroll'.*nothing was written"):
            step(small_demo(database))
    with psycopg.connect(database) as connection:
        relations = connection.execute("select relname from pg_class where relnamespace = 'public'::regnamespace")
        assert relations.fetchall() == [("payroll",)]


@pytest.mark.parametrize(
    "statement", ["create function f() returns int language sql return 1", "create type t as enum ('a')"]
)
def test_function_or_type_alone_makes_a_database_foreign(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement)
    with pytest.raises(NotOursError):
        Demo(database).create_schema()


def test_other_seed_scale_or_end_than_remembered_is_refused(database: str) -> None:
    small_demo(database).create_schema()
    for other in ({"seed": 4}, {"scale": 0.5}, {"end_on": END + dt.timedelta(days=1)}):
        with pytest.raises(DemoConfigError, match="was filled with"):
            Demo(database, **other).create_schema()


def test_steps_out_of_order_say_what_comes_first(database: str) -> None:
    demo = small_demo(database)
    with pytest.raises(SimulationError, match="create the schema first"):
        demo.load_day_zero()
    demo.create_schema()
    with pytest.raises(SimulationError, match="load it first"):
        demo.run_days()
    with pytest.raises(SimulationError, match="run them first"):
        demo.live(1, threading.Event())


def test_refused_transaction_says_which_and_why(database: str) -> None:
    demo = small_demo(database)
    demo.create_schema()
    demo.load_day_zero()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("alter table recommendation_requests rename to somewhere_else")
    with pytest.raises(SimulationError, match=r"transactions 1 to \d+: relation .* does not exist"):
        demo.run_days()


class _StopAfter(threading.Event):
    """An event that is set once it was asked so many times."""

    def __init__(self, questions: int) -> None:
        super().__init__()
        self._left = questions

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


def test_live_traffic_goes_on_now_and_after_a_restart(filled: str) -> None:
    before = dt.datetime.now(dt.UTC)
    told = Demo(filled).live(10_000, _StopAfter(30)) + Demo(filled).live(10_000, _StopAfter(30))
    assert told > 30
    with psycopg.connect(filled) as connection:
        row = connection.execute(
            "select count(*), min(simulated_at) >= %s, max(simulated_at) <= now(), count(distinct simulated_at)"
            " from (select * from simulated_clock order by tx_no desc limit %s) as clock",
            [before, told],
        ).fetchone()
        last = connection.execute("select max(tx_no) + 1 = count(*) from simulated_clock").fetchone()
    assert row == (told, True, True, told)
    assert last == (True,)
