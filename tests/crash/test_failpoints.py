"""kill -9 at every named place of the code, under writes and DDL: nothing is lost, doubled or seen by half."""

import psycopg
import pytest

from ingestion.failpoints import FAILPOINTS
from tests.crash.bank import open_for_business
from tests.crash.equality import assert_lawful, assert_whole, differences
from tests.crash.processes import CAPTURE, ENGINES, KILLED, LOADER, REPLICATE, Home, await_end

OF_COPIES = [name for name in FAILPOINTS if name.startswith("copy.")]
# The initial copy commits table by table: a place in it is passed once for each.
OF_FIRST_LOADS = [name for name in FAILPOINTS if name.startswith("load.copy.")]
# In test_events.py, and what is imported, handed in and tried again in test_events_imports.py.
OF_EVENTS = [
    name
    for name in FAILPOINTS
    if name.startswith(("collector.", "events.", "import.", "handed.", "reread.", "requeue.", "vendor."))
]
OF_AN_IDLE_SOURCE = ["capture.before_idle_acknowledge"]
# In test_upkeep.py.
OF_UPKEEP = [name for name in FAILPOINTS if name.startswith(("retention.", "replay.", "repair."))]
# Passed once in a run up to now.
OF_RUNS = [name for name in FAILPOINTS if name.startswith(("publish.", "log.rotate.", "capture.after_slot"))]
OF_THE_LOADER = [name for name in FAILPOINTS if name.startswith("load.") and name not in OF_FIRST_LOADS]
OF_THE_CAPTURE = [
    name for name in FAILPOINTS if name.startswith(("log.", "capture.")) and name not in (*OF_RUNS, *OF_AN_IDLE_SOURCE)
]
# A run up to now publishes nothing of a Postgres warehouse, which is read in place; its builds do (serving).
OF_DUCKDB = [name for name in FAILPOINTS if name.startswith("publish.")]
# Each in a process of its own, in tests/ingestion/test_serving.py.
OF_SERVING = [name for name in FAILPOINTS if name.startswith("serving.")]
# On an emulator, in tests/bigquery/test_kills.py.
OF_BIGQUERY = [name for name in FAILPOINTS if name.startswith("bigquery.")]
EVERY = [
    *OF_BIGQUERY,
    *OF_SERVING,
    *OF_AN_IDLE_SOURCE,
    *OF_COPIES,
    *OF_FIRST_LOADS,
    *OF_EVENTS,
    *OF_RUNS,
    *OF_THE_LOADER,
    *OF_THE_CAPTURE,
    *OF_UPKEEP,
]


def test_no_place_is_forgotten() -> None:
    assert sorted(EVERY) == sorted(FAILPOINTS)


@pytest.mark.parametrize(
    ("engine", "place"),
    [
        (engine, place)
        for engine in ENGINES
        for place in (*OF_THE_CAPTURE, *OF_THE_LOADER, *OF_RUNS)
        if engine == "duckdb" or place not in OF_DUCKDB
    ],
)
def test_a_kill_in_the_stream_changes_nothing(home: Home, place: str) -> None:
    home.replicate()
    with open_for_business(home.url, seed=1):
        for time in (1, 3, 2):
            if place in OF_THE_LOADER:
                home.start(CAPTURE)
                process = home.start(LOADER, f"{place}:{time}")
            elif place in OF_RUNS:
                process = home.start(REPLICATE, place)
            else:
                home.start(LOADER)
                process = home.start(CAPTURE, f"{place}:{time}")
            assert await_end(process, home) == KILLED, home.said()
            home.kill()
            assert_lawful(home)
        stood = home.loaded_lsn()
    assert_whole(home)
    assert home.loaded_lsn() > stood


@pytest.mark.parametrize("place", OF_AN_IDLE_SOURCE)
def test_a_kill_at_an_idle_source_changes_nothing(home: Home, place: str) -> None:
    home.replicate()
    for _ in range(2):
        process = home.start(CAPTURE, place)
        with psycopg.connect(home.url, autocommit=True) as connection:
            connection.execute("insert into _flux_audit.change values ('nothing', 'that', 'null')")  # is published
        assert await_end(process, home) == KILLED, home.said()
    with open_for_business(home.url, seed=3):
        home.replicate()
    assert_whole(home)


@pytest.mark.parametrize("place", [*OF_COPIES, *OF_FIRST_LOADS])
def test_a_kill_in_the_copy_changes_nothing(home: Home, place: str) -> None:
    with open_for_business(home.url, seed=2):
        for time in (1, 2):
            if place in OF_FIRST_LOADS:
                assert await_end(home.start(REPLICATE, f"{place}:{time}"), home) == KILLED, home.said()
            else:
                home.start(LOADER)
                assert await_end(home.start(CAPTURE, f"{place}:{time}"), home) == KILLED, home.said()
            home.kill()
            assert_lawful(home)
    home.replicate()
    assert_lawful(home)
    assert differences(home) == {}
