"""A small round of tests/crash/test_events_under_fire.py: some seconds, in DuckDB."""

from pathlib import Path

from tests.crash.processes import Home
from tests.events.under_fire import Fire, under_fire

NO_SOURCE = "postgresql://nobody@127.0.0.1:1/none"


def test_what_had_its_200_is_in_the_warehouse_once_whatever_is_killed(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", NO_SOURCE)
    try:
        ashes = under_fire(home, Fire(events=4_000, kills=2))
    finally:
        home.kill()
    assert ashes.noted >= 4_000 - ashes.given_up
