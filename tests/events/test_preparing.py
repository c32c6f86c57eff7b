"""Processes that prepare parts of a backlog: the warehouse is what one process alone makes of it, whoever dies."""

import errno
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any  # Any: rows

import pytest

from ingestion.events.record import KIND_EVENTS
from ingestion.events.tracking_plan import TrackingPlan, parse_tracking_plan
from ingestion.failpoints import VARIABLE
from ingestion.load.event_parts import EventParts
from ingestion.load.events import EventLoader, load_events
from ingestion.load.prepared import Part, united
from ingestion.load.preparer import Preparers
from ingestion.log import LogReader, LogWriter
from ingestion.log.segment import segment_name
from ingestion.warehouse.duckdb.connection import connect
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from tests.events.calls import records, track, write

PLAN = parse_tracking_plan(
    "version: 1\nsource: default\nmode: quarantine\nevents:\n"
    "  Thing Done:\n    properties:\n      size: {type: integer, minimum: 1}\n"
)
VALUES = (1, 2, 2.5, True, "text", "2026-11-02T08:00:00Z", None, {"deep": [1]}, 2**70)


def calls(first: int, count: int, value: object = 1) -> list[object]:
    """Calls of four kinds, of which two have an id that another one has."""
    made: list[object] = [
        track(f"Kind {n % 3}", messageId=f"m{n}", properties={"value": value, f"own_{n % 3}": n, "text": f"t {n}"})
        for n in range(first, first + count - 2)
    ]
    made.append({"type": "identify", "userId": f"u{first % 5}", "messageId": f"i{first}", "traits": {"level": first}})
    return [*made, track("Kind 0", messageId=f"m{first}", properties={"value": "another"})]


@contextmanager
def warehouse(path: Path) -> Iterator[DuckdbDestination]:
    connection = connect(path)
    try:
        yield DuckdbDestination(connection)
    finally:
        connection.close()


def contents(destination: DuckdbDestination) -> dict[str, Any]:
    """All rows of all event tables, and what the ledger sums up to."""
    ask = destination.machinery.session.execute
    tables = ask("select table_name from information_schema.tables where table_schema = 'raw_segment'")
    rows: dict[str, Any] = {}
    for (table,) in tables:
        described = ask(f"describe raw_segment.{table}")
        names = ", ".join(sorted(row[0] for row in described if row[0] != "uuid_ts"))
        rows[table] = (
            sorted((row[0], row[1]) for row in described),
            ask(f"select {names} from raw_segment.{table} order by all"),
        )
    rows["ledger"] = ask("select sum(accepted), sum(loaded), sum(duplicates), sum(quarantined) from _flux.segments")
    rows["quarantine"] = ask("select position, reason, raw from _flux.quarantine order by position")
    rows["names"] = ask("select distinct kind, relation, name, landed from _flux.event_names order by all")
    return rows


@contextmanager
def begun_processes(
    monkeypatch: pytest.MonkeyPatch, processes: str = "left alone"
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes that are begun within the block."""
    begun: list[subprocess.Popen[bytes]] = []
    begin = subprocess.Popen

    def begin_and_tell(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        if processes == "impossible":
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        begun.append(begin(*arguments, **options))
        if processes == "killed":
            begun[-1].kill()
        return begun[-1]

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", begin_and_tell)
        yield begun


def drain(destination: DuckdbDestination, log: Path, plan: TrackingPlan | None = None, **options: int) -> int:
    steps = 0
    with EventLoader(destination, LogReader(log), plan, **options) as loader:
        while loader.step().accepted:
            steps += 1
    return steps


def drain_by_processes(destination: DuckdbDestination, log: Path, plan: TrackingPlan | None = None) -> int:
    """Drain as if ten events were a long part, and any backlog one for processes."""
    return drain(destination, log, plan, limit_events=40, part_events=10, backlog_bytes=0)


@pytest.mark.parametrize("plan", [None, PLAN])
def test_processes_make_the_same_warehouse_as_one_alone(tmp_path: Path, plan: TrackingPlan | None) -> None:
    log = tmp_path / "log"
    write(
        log,
        *(calls(10 * n, 10, VALUES[n % len(VALUES)]) for n in range(12)),
        *(calls(200 + 10 * n, 10) for n in range(8)),
    )
    write(log, [track(messageId="odd", properties={"size": 0}), b'{"type":"track"}', track(messageId="m3")])
    with warehouse(tmp_path / "alone.duckdb") as alone, warehouse(tmp_path / "together.duckdb") as together:
        drain(alone, log, plan, limit_events=10)
        drain_by_processes(together, log, plan)
        assert contents(alone) == contents(together)


def test_parts_that_give_columns_one_type_share_a_transaction(tmp_path: Path) -> None:
    write(tmp_path / "log", *(calls(10 * n, 10) for n in range(8)), calls(100, 10, "text"))
    with warehouse(tmp_path / "it.duckdb") as destination:
        assert drain_by_processes(destination, tmp_path / "log") == 3


def test_a_backlog_is_all_that_waits_however_many_segments_it_lies_in(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path, segment_bytes=1) as writer:
        for first in (0, 10, 20, 30):
            writer.append(KIND_EVENTS, records(calls(first, 10)))
            writer.commit()
    reader = LogReader(tmp_path)
    sizes = [(tmp_path / segment_name(number)).stat().st_size for number in reader.segments()]
    assert len(sizes) > 3
    start = reader.start()
    assert start is not None
    assert EventParts(reader, None, backlog_bytes=sum(sizes) - start.offset).is_backlog(start)
    assert not EventParts(reader, None, backlog_bytes=sum(sizes) - start.offset + 1).is_backlog(start)


def test_an_id_in_two_parts_of_a_transaction_lands_once(tmp_path: Path) -> None:
    write(tmp_path / "log", [track(messageId="1", properties={"n": 1})], [track(messageId="1", properties={"n": 2})])
    with warehouse(tmp_path / "it.duckdb") as destination:
        with EventLoader(destination, LogReader(tmp_path / "log"), None, part_events=1) as loader:
            report = loader.step()
        assert (report.accepted, report.loaded, report.duplicates) == (2, 1, 1)
        ask = destination.machinery.session.execute
        assert ask("select n from raw_segment.thing_done") == [(1,)]


def test_the_part_of_a_process_that_was_killed_is_prepared_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, calls(0, 10))
    end = LogReader(tmp_path).durable_end()
    assert end is not None
    part = Part(LogReader(tmp_path), None, end, {}, None)
    preparers = Preparers(1)
    with begun_processes(monkeypatch) as begun:
        try:
            expected = preparers.prepare(part).result().normalised
            begun[0].kill()  # while it idles
            begun[0].wait()
            assert preparers.prepare(part).result().normalised == expected
            assert preparers.prepare(part).result().normalised == expected
            begun[1].send_signal(signal.SIGSTOP)
            coming = preparers.prepare(part)
            begun[1].kill()  # while it is at a part
            assert coming.result().normalised == expected
            assert preparers.prepare(part).result().normalised == expected
            for number in (signal.SIGTERM, signal.SIGINT):  # which are its parent's to hear
                begun[2].send_signal(number)
            assert preparers.prepare(part).result().normalised == expected
        finally:
            preparers.close()
    assert [process.returncode for process in begun] == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert united([part.prepare()]).normalised == expected


@pytest.mark.parametrize("processes", ["killed", "impossible"])
def test_a_load_all_of_whose_processes_are_killed_makes_the_same_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: str
) -> None:
    log = tmp_path / "log"
    write(log, *(calls(10 * n, 10, VALUES[n % len(VALUES)]) for n in range(12)))
    with warehouse(tmp_path / "alone.duckdb") as alone, warehouse(tmp_path / "together.duckdb") as together:
        drain(alone, log, limit_events=10)
        with begun_processes(monkeypatch, processes) as begun:
            drain_by_processes(together, log)
        assert contents(alone) == contents(together)
    assert {process.returncode for process in begun} == ({-signal.SIGKILL} if processes == "killed" else set())


@pytest.mark.parametrize("place", ["events.before_commit", "events.after_commit"])
def test_a_load_that_is_killed_beside_its_processes_is_finished_by_the_next(tmp_path: Path, place: str) -> None:
    log = tmp_path / "log"
    write(log, *(calls(10 * n, 10, VALUES[n % 3]) for n in range(12)))
    program = (
        "import sys; from pathlib import Path; from tests.events.test_preparing import drain_by_processes, warehouse\n"
        "with warehouse(Path(sys.argv[1])) as destination: drain_by_processes(destination, Path(sys.argv[2]))\n"
    )
    for time in (1, 2):
        loading = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "together.duckdb"), str(log)],
            env={**os.environ, VARIABLE: f"{place}:{time}"},
            cwd=Path(__file__).parents[2],
        )
        assert loading.returncode == -signal.SIGKILL
    with warehouse(tmp_path / "alone.duckdb") as alone, warehouse(tmp_path / "together.duckdb") as together:
        drain(alone, log, limit_events=10)
        assert drain_by_processes(together, log) > 0
        assert contents(alone) == contents(together)


def test_processes_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    write(tmp_path, calls(0, 10))
    program = (
        "import sys; from pathlib import Path; from ingestion.log import LogReader\n"
        "from ingestion.load.prepared import Part; from ingestion.load.preparer import Preparers\n"
        "reader = LogReader(Path(sys.argv[1])); preparers = Preparers(1)\n"
        "preparers.prepare(Part(reader, None, reader.durable_end(), {}, None)).result()\n"
        "print(preparers._idle.get(timeout=20)._process.pid, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        ended = os.pidfd_open(child)
        parent.kill()
    try:
        assert select.select([ended], [], [], 20)[0]
    finally:
        os.close(ended)


def test_a_load_without_a_backlog_begins_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "log", calls(0, 10))
    monkeypatch.setattr(subprocess, "Popen", None)
    with warehouse(tmp_path / "it.duckdb") as destination:
        assert drain(destination, tmp_path / "log") == 1
        assert load_events(destination, LogReader(tmp_path / "log"), None).accepted == 0
