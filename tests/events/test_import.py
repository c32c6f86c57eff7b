"""Archives of Segment calls come into the log beside live events, once, whatever happens on the way."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ingestion.events.importing import Imported, import_archives
from ingestion.events.look import look
from ingestion.failpoints import VARIABLE
from ingestion.log import LogReader, handed
from ingestion.warehouse.destination import Destination
from tests.events.calls import collector, load, track, write
from tests.events.test_load import ask

GIVEN = {
    "receivedAt": "2025-01-02T03:04:05.678Z",
    "sentAt": "2025-01-02T03:00:00.000Z",
    "originalTimestamp": "2025-01-02T02:59:58.000Z",
    "timestamp": "2025-01-02T03:04:03.999Z",  # not what Segment's formula gives: it is taken all the same
    "projectId": "p",
    "channel": "client",
    "version": 2,
}


def archived(number: int, **members: object) -> dict[str, object]:
    return track(messageId=f"m{number}", properties={"n": number}, **{**GIVEN, **members})


def archive(path: Path, calls: Iterable[object], *, packed: bool = True) -> Path:
    lines = b"".join((call if isinstance(call, bytes) else json.dumps(call).encode()) + b"\n" for call in calls)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(lines) if packed else lines)
    return path


def bring(log: Path, *files: Path, **options: Any) -> Imported:
    return import_archives(log, files, options.pop("source", "default"), **options)


def test_times_of_an_archive_are_taken_as_given(tmp_path: Path, destination: Destination) -> None:
    assert bring(tmp_path / "log", archive(tmp_path / "a.gz", [archived(1)])) == Imported(files=1, lines=1)
    load(destination, tmp_path / "log")
    destination.machinery.session.execute("set timezone = 'UTC'")
    (row,) = ask(
        destination,
        "select received_at, sent_at, original_timestamp, timestamp, n from raw_segment.thing_done",
    )
    assert [str(value) for value in row] == [
        "2025-01-02 03:04:05.678000+00:00", "2025-01-02 03:00:00+00:00", "2025-01-02 02:59:58+00:00",
        "2025-01-02 03:04:03.999000+00:00", "1",
    ]  # fmt: skip


def test_an_archive_twice_and_beside_live_traffic_is_there_once(tmp_path: Path, destination: Destination) -> None:
    log = tmp_path / "log"
    write(log, [track(messageId="m1", properties={"n": 1})])
    file = archive(tmp_path / "a.gz", [archived(1), archived(2), track(messageId=None, **GIVEN)])
    assert bring(log, file) == Imported(files=1, lines=3)
    assert bring(log, file) == Imported(known_files=1)
    copied = archive(tmp_path / "other" / "b.gz", [archived(1), archived(2), track(messageId=None, **GIVEN)])
    assert bring(log, copied).lines == 3
    assert bring(log, file, again=True).lines == 3
    report = load(destination, log)
    assert (report.accepted, report.loaded, report.duplicates) == (10, 3, 7)


def test_lines_that_are_no_call_go_to_quarantine_with_file_and_line(tmp_path: Path, destination: Destination) -> None:
    bad = [b'{"type": "track", "event"', b"\xff\xfe", b"[1]", b'"text"', json.dumps(track(messageId="m2")).encode()]
    file = archive(tmp_path / "a.ndjson", [archived(1), *bad, b"", b'{"a": NaN, "type": "track"}'], packed=False)
    log = tmp_path / "log"
    assert bring(log, file).lines == 7
    report = load(destination, log)
    assert (report.loaded, report.quarantined) == (1, 6)
    entries = destination.machinery.quarantine.waiting("events", None, "", 100)
    seen = {(found.file, found.line): entry for entry in entries if (found := look(entry.raw or b"", {}))}
    assert sorted(seen) == [("a.ndjson", number) for number in (2, 3, 4, 5, 6, 8)]
    assert {entry.source for entry in entries} == {"default"}
    assert seen["a.ndjson", 2].reason.startswith("the line is no call: ")
    assert seen["a.ndjson", 6].reason == "neither receivedAt nor another time of the call can be read"
    assert rb"\\xff\\xfe" in (seen["a.ndjson", 3].raw or b"")


def test_a_write_key_never_gets_into_the_log(tmp_path: Path) -> None:
    bring(tmp_path / "log", archive(tmp_path / "a.gz", [archived(1, writeKey="secret-key")]))
    (block,) = LogReader(tmp_path / "log").blocks()
    assert b"secret-key" not in bytes(block.payload)
    assert b'"projectId"' in bytes(block.payload)


def test_a_file_that_breaks_off_brings_what_it_has_and_is_named(tmp_path: Path) -> None:
    whole = archive(tmp_path / "a.gz", [archived(number) for number in range(4_000)])
    whole.write_bytes(whole.read_bytes()[:-10_000])
    other = archive(tmp_path / "b.gz", [archived(1)])
    done = bring(tmp_path / "log", whole, other)
    assert (done.files, len(done.broken)) == (1, 1)
    assert done.lines > 2_001
    assert f"a.gz: broken behind line {done.lines - 1}: " in done.broken[0]


def test_while_a_collector_writes_the_log_it_takes_what_is_handed_in(tmp_path: Path, destination: Destination) -> None:
    log = tmp_path / "log"
    with collector(log):
        assert bring(log, archive(tmp_path / "a.gz", [archived(number) for number in range(6_000)])).lines == 6_000
        assert not handed.waiting(log)
        assert load(destination, log).loaded == 6_000


def test_what_a_killed_import_handed_in_is_taken_by_the_next_writer(tmp_path: Path, destination: Destination) -> None:
    log = tmp_path / "log"
    handed.hand_in(log, [b"one", b"two"])
    (log / "handed" / "torn.draft").write_bytes(b"half")
    bring(log, archive(tmp_path / "a.gz", [archived(1)]))
    assert not handed.waiting(log)
    report = load(destination, log)
    assert (report.loaded, report.quarantined) == (1, 2)


@pytest.mark.parametrize("point", ["import.before_note", "log.before_fdatasync", "log.after_note"])
def test_a_killed_import_goes_on_and_brings_each_line_once(
    tmp_path: Path, destination: Destination, point: str
) -> None:
    log, file = tmp_path / "log", archive(tmp_path / "a.gz", [archived(number) for number in range(5_000)])
    script = (
        "import sys; from pathlib import Path; from ingestion.events.importing import import_archives; "
        "import_archives(Path(sys.argv[1]), [Path(sys.argv[2])], 'default')"
    )
    died = subprocess.run(
        [sys.executable, "-c", script, str(log), str(file)], env={**os.environ, VARIABLE: f"{point}:2"}, check=False
    )
    assert died.returncode == -9
    assert bring(log, file).lines <= 3_000
    assert load(destination, log).loaded == 5_000
    assert ask(destination, "select count(*), count(distinct id) from raw_segment.thing_done") == [(5_000, 5_000)]
