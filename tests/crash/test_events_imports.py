"""kill -9 in an import, in the collector that takes it over, in a replay of events: each line is there once."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ingestion.log import handed
from tests.crash.processes import FLUX, KILLED, Home, await_end, await_true
from tests.crash.test_events import LOAD, answers, assert_loaded_once, collector, free_port, send

LINES = 5_000
KEYS: dict[str, Any] = {"FLUX_WRITE_KEYS": "key:default"}
STRICT = "version: 1\nmode: quarantine\nevents:\n  Thing Done: {properties: {m: integer}}\n"
MAPPING = "vendor: crm\nobject: people\nkey: id\ncolumns: {id: integer, name: text}\nabsent: deleted\n"
OBJECTS = "select id, name, _deleted_at is null from raw_crm.people order by id"


def archive(path: Path, first: int, count: int) -> Path:
    calls = (
        {"type": "track", "event": "Thing Done", "userId": "u", "messageId": f"m{number}", "properties": {"n": number},
         "receivedAt": "2026-11-01T00:00:00.000Z"}
        for number in range(first, first + count)
    )  # fmt: skip
    path.write_text("".join(json.dumps(call) + "\n" for call in calls))
    return path


def importing(home: Home, file: Path, failpoint: str = "") -> "subprocess.Popen[bytes]":
    return home.start([*FLUX, "events", "import", str(file), "--no-load"], failpoint, **KEYS)


@pytest.mark.parametrize("time", [1, 2, 3])
@pytest.mark.parametrize("place", ["import.handed_in", "import.before_note"])
def test_a_killed_import_beside_a_collector_brings_each_line_once(
    empty_home: Home, tmp_path: Path, place: str, time: int
) -> None:
    port = free_port()
    collector(empty_home, port)
    for number in range(20):
        assert send(port, number)
    file = archive(tmp_path / "a.ndjson", 10, LINES)  # ten are there already
    assert await_end(importing(empty_home, file, f"{place}:{time}"), empty_home) == KILLED
    assert await_end(importing(empty_home, file), empty_home) == 0, empty_home.said()
    empty_home.kill()
    assert_loaded_once(empty_home, LINES + 10)


@pytest.mark.parametrize("time", [1, 2, 3])
@pytest.mark.parametrize("place", ["import.before_note", "log.before_write", "log.before_fdatasync", "log.after_note"])
def test_a_killed_import_that_writes_the_log_itself_brings_each_line_once(
    empty_home: Home, tmp_path: Path, place: str, time: int
) -> None:
    file = archive(tmp_path / "a.ndjson", 0, LINES)
    assert await_end(importing(empty_home, file, f"{place}:{time}"), empty_home) == KILLED
    assert await_end(importing(empty_home, file), empty_home) == 0, empty_home.said()
    assert_loaded_once(empty_home, LINES)


def test_a_collector_that_is_killed_while_it_takes_an_import_comes_back_beside_it(
    empty_home: Home, tmp_path: Path
) -> None:
    port = free_port()
    dying = collector(empty_home, port, "handed.before_remove:2")
    brought = importing(empty_home, archive(tmp_path / "a.ndjson", 0, LINES))
    assert await_end(dying, empty_home) == KILLED
    for place in ("handed.before_remove", ""):  # the import does not take the log from a collector that restarts
        dying = empty_home.start([*FLUX, "collect", "--port", str(port)], place, **KEYS)
        if place and handed.waiting(empty_home.path / "log" / "events"):
            assert await_end(dying, empty_home) == KILLED, empty_home.said()
    await_true(lambda: answers(port), "the collector")
    assert await_end(brought, empty_home) == 0, empty_home.said()
    assert dying.poll() is None, empty_home.said()
    assert send(port, LINES)
    empty_home.kill()
    assert_loaded_once(empty_home, LINES + 1)


@pytest.mark.parametrize(
    ("again", "place"),
    [
        (["replay", "--from", "2026-10-01"], "reread.before_commit"),
        (["quarantine", "resubmit"], "requeue.before_commit"),
    ],
    ids=["replay", "resubmit"],
)
def test_killed_while_it_tries_events_again_it_leaves_whole_batches_and_the_next_one_goes_on(
    empty_home: Home, tmp_path: Path, again: list[str], place: str
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(STRICT)
    empty_home.settings = {"FLUX_TRACKING_PLAN": str(plan)}
    assert await_end(importing(empty_home, archive(tmp_path / "a.ndjson", 0, 50)), empty_home) == 0
    assert await_end(empty_home.start(LOAD, **KEYS), empty_home) == 0, empty_home.said()
    ledger = "select sum(loaded), sum(quarantined) from _flux.segments"
    assert empty_home.ask(ledger) == [(0, 50)]
    plan.write_text(STRICT.replace("m:", "n:"))
    command = [*FLUX, "events", *again]
    assert await_end(empty_home.start(command, place, **KEYS), empty_home) == KILLED
    assert empty_home.ask(ledger) == [(0, 50)]
    for _ in range(2):
        assert await_end(empty_home.start(command, **KEYS), empty_home) == 0, empty_home.said()
        assert empty_home.ask(ledger) == [(50, 0)]
    assert_loaded_once(empty_home, 50)


def test_a_killed_import_of_objects_changes_nothing_and_the_next_one_brings_them(
    empty_home: Home, tmp_path: Path
) -> None:
    mapping, file = tmp_path / "m.yaml", tmp_path / "people.csv"
    mapping.write_text(MAPPING)
    command = [*FLUX, "events", "import", str(file), "--mapping", str(mapping)]
    file.write_text("id,name\n1,a\n2,b\n")
    assert await_end(empty_home.start(command), empty_home) == 0, empty_home.said()
    file.write_text("id,name\n2,c\n3,d\n")
    assert await_end(empty_home.start(command, "vendor.before_commit"), empty_home) == KILLED
    assert empty_home.ask(OBJECTS) == [(1, "a", True), (2, "b", True)]
    for _ in range(2):
        assert await_end(empty_home.start(command), empty_home) == 0, empty_home.said()
        assert empty_home.ask(OBJECTS) == [(1, "a", False), (2, "c", True), (3, "d", True)]
    assert empty_home.ask("select count(*) from _flux.vendor_files") == [(2,)]
