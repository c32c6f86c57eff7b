"""kill -9 in retention, replay, repair and a change of selection: each begins again and ends equal."""

import sys
from pathlib import Path

import psycopg
import pytest

from ingestion.log.directory import segment_numbers
from tests.crash.bank import open_for_business
from tests.crash.equality import assert_lawful, assert_whole, differences
from tests.crash.processes import CAPTURE, FLUX, KILLED, LOADER, REPLICATE, VERIFY, Home, await_end

AGAIN = [*REPLICATE, "--again", "public.shifty"]
REPLAY = [*FLUX, "replay"]
# In each of bulk's five ranges; nobody writes to it.
DAMAGE = ("delete from raw_app.bulk where id % 50 = 0", "update raw_app.bulk set long = 'wrong' where id % 50 = 1")
_SMALL_RANGES = "from ingestion.verify.tables import verify_tables; verify_tables.__kwdefaults__['part_rows'] = 500"
REPAIR = [sys.executable, "-c", f"{_SMALL_RANGES}; from orchestration.cli import main; main()", "verify", "--repair"]
SELECTION = """
unlisted: replicate
tables:
  public.account:
    columns: {id: public, balance: public, long: {class: personal, treatment: hash}}
  public.bulk:
    columns: {id: public, long: protected}
"""


def killed(home: Home, command: list[str], place: str) -> None:
    """Run a command that dies at a place; what it leaves keeps the laws."""
    assert await_end(home.start(command, place), home) == KILLED, home.said()
    assert_lawful(home)


@pytest.mark.parametrize("engine", ["duckdb"])
def test_a_kill_in_retention_leaves_a_log_that_is_only_longer(home: Home) -> None:
    home.replicate()
    with open_for_business(home.url, seed=4, shifts=False):
        for place in ("retention.spent:3", "retention.segment_removed"):
            home.settings = {}
            for _ in range(2):  # each begins a segment
                home.replicate()
            home.settings = {"FLUX_LOG_KEEP_DAYS": "0"}
            killed(home, REPLICATE, place)
        killed(home, AGAIN, "retention.copy_aside")
        home.start(CAPTURE)  # beside a loader that is killed
        killed(home, LOADER, "retention.segment_removed")
        home.kill()
    home.replicate()
    log = home.path / "log"
    assert len(segment_numbers(log / "postgres")) == 1
    assert not list((log / "copies").glob("*.removed"))
    assert not [copy for copy in (log / "copies").iterdir() if (copy / "spent").exists() and segment_numbers(copy)]
    assert_whole(home)


@pytest.mark.parametrize("engine", ["duckdb"])
def test_a_kill_in_a_replay_leaves_a_whole_warehouse_old_or_new(home: Home) -> None:
    home.replicate()
    with open_for_business(home.url, seed=5, shifts=False):
        home.replicate()
        home.start(CAPTURE)
        for place in ("load.copy.before_commit:2", "load.copy.after_commit:4", "load.before_commit"):
            killed(home, REPLAY, place)
        home.replicate()
        killed(home, REPLAY, "replay.before_swap")
        assert home.ask("select count(*) from _flux.history_gaps where from_lsn = 0") == [(0,)]  # the old one
        killed(home, REPLAY, "replay.after_swap")
        assert home.ask("select count(*) > 5 from _flux.history_gaps where from_lsn = 0") == [(True,)]
    assert_whole(home)
    assert home.start(REPLAY).wait(120) == 0, home.said()
    assert_whole(home)


def test_a_kill_between_two_ranges_of_a_repair_leaves_the_rest_to_the_next(home: Home) -> None:
    home.replicate()
    with open_for_business(home.url, seed=6, shifts=False):
        home.replicate()
        with home.open() as warehouse:
            for statement in DAMAGE:
                warehouse.machinery.session.execute(statement)
        for place in ("repair.before_commit:1", "repair.after_commit:1", "repair.before_commit:2"):
            assert await_end(home.start(REPAIR, place), home) == KILLED, home.said()
            assert home.start(VERIFY).wait(120) == 1, home.said()
        repaired = "select count(*) from _flux.schema_changes where change = 'repair'"
        assert home.ask(repaired) == [(2,)]
        assert home.start(REPAIR).wait(120) == 0, home.said()
        assert home.ask(repaired) > [(4,)]
    home.replicate()
    assert_lawful(home)
    assert differences(home) == {}
    assert home.start(VERIFY).wait(120) == 0, home.said()


def test_a_kill_while_another_selection_is_read_again_leaves_no_half_of_it(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "selection.yaml"
    file.write_text(SELECTION)
    selection = {"FLUX_SELECTION": str(file), "FLUX_HASH_KEY": "a key of thirty-two bytes or more"}
    home.replicate()
    with open_for_business(home.url, seed=7, shifts=False):
        for home.settings in (selection, {}):
            for place in (
                "copy.in_table:2",
                "copy.after_rename:1",
                "load.copy.before_commit:2",
                "load.copy.after_commit",
            ):
                killed(home, REPLICATE, place)
            home.replicate()
            assert home.start(VERIFY).wait(120) == 0, home.said()
            hashed = home.ask("select count(*) from raw_app.account where length(long) = 64")
            assert hashed == [(40 if home.settings else 0,)]
    home.replicate()
    assert_lawful(home)
    assert differences(home) == {}
    with psycopg.connect(home.url) as source:
        told = source.execute("select tab, count(*) from _flux_audit.change group by 1 order by 1").fetchall()
    for name, changes in told:
        rows = home.ask(f"select count(*) from raw_app_history.{name} where _op not in ('snapshot', 'resync')")
        assert rows == [(changes,)] or name == "account", name
