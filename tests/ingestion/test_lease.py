"""The warehouse has one owner, the queue is fair, the dead hold nothing. With real processes, spoken to by pipes."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ingestion.errors import LeaseError
from ingestion.load.service import Loader
from ingestion.warehouse.lease import QUEUE_NAME, Holder, Lease, lease, lease_holder, lease_wanted
from tests.ingestion.following import until

_HOLD = """
import sys
from pathlib import Path
from ingestion.warehouse.lease import lease

say = lambda line: print(line, flush=True)
with lease(Path(sys.argv[1]), sys.argv[2], on_wait=lambda holder: say("waits")):
    say("holds")
    sys.stdin.readline()
say("let go")
"""

# Read, then write: two at once would lose a count.
_COUNT = """
import sys
from pathlib import Path
from ingestion.warehouse.lease import lease

home = Path(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with lease(home, "count"):
        count = int((home / "counter").read_text())
        (home / "counter").write_text(str(count + 1))
"""


class Process:
    """A process that takes the lease and holds it until it is told to let go."""

    def __init__(self, home: Path, purpose: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(home), purpose], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.popen.pid

    def hears(self) -> str:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def let_go(self) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()

    def kill(self) -> None:
        self.popen.kill()
        self.popen.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    with ExitStack() as stack:

        def begin(purpose: str) -> Process:
            process = Process(tmp_path, purpose)
            stack.callback(process.kill)
            return process

        yield begin


def test_second_process_is_told_who_holds_the_warehouse(tmp_path: Path, start: Callable[[str], Process]) -> None:
    build = start("dbt build")
    assert build.hears() == "holds"

    with pytest.raises(LeaseError) as caught, lease(tmp_path, "load", wait_seconds=0):
        pass

    assert str(caught.value).startswith(f"warehouse is held by 'dbt build' (pid {build.pid}) since 20")
    assert str(caught.value).endswith(" UTC; wait or stop it")


def test_killed_holder_frees_the_warehouse(tmp_path: Path, start: Callable[[str], Process]) -> None:
    build = start("dbt build")
    assert build.hears() == "holds"
    build.kill()

    with lease(tmp_path, "load", wait_seconds=0) as held:
        holder = lease_holder(tmp_path)
        assert held.held
        assert holder is not None
        assert (holder.pid, holder.purpose) == (os.getpid(), "load")
    assert lease_holder(tmp_path) is None


def test_waiter_makes_itself_known_and_gets_the_warehouse_before_the_one_that_yields(
    tmp_path: Path, start: Callable[[str], Process]
) -> None:
    loader = Lease(tmp_path, "load")
    loader.acquire()
    assert not loader.wanted()
    build = start("dbt build")
    assert build.hears() == "waits"
    assert loader.wanted()

    loader.release()
    told: list[Holder | None] = []

    def let_the_build_end(holder: Holder | None) -> None:
        told.append(holder)
        if holder is not None and holder.pid == build.pid and build.hears() == "holds":
            build.let_go()

    loader.acquire(on_wait=let_the_build_end)  # returns only when the build held the warehouse before us

    assert build.pid in [holder.pid for holder in told if holder]
    assert build.hears() == "let go"
    assert not loader.wanted()
    loader.release()


def test_loader_gets_the_warehouse_back_although_another_build_queues_behind_it(
    tmp_path: Path, start: Callable[[str], Process]
) -> None:
    first = start("first build")
    assert first.hears() == "holds"
    loader = start("load")
    assert loader.hears() == "waits"
    second = start("second build")
    assert second.hears() == "waits"

    first.let_go()

    assert loader.hears() == "holds"
    loader.let_go()
    assert [line for line in iter(second.hears, "holds") if line != "waits"] == []


def test_killed_waiter_is_no_longer_waited_for_and_its_ticket_is_swept(
    tmp_path: Path, start: Callable[[str], Process]
) -> None:
    with lease(tmp_path, "load") as held:
        build = start("dbt build")
        assert build.hears() == "waits"
        assert held.wanted()
        build.kill()
        assert not held.wanted()
    assert list((tmp_path / QUEUE_NAME).iterdir()) == []
    with lease(tmp_path, "load", wait_seconds=0):
        pass


def test_nested_use_in_one_thread_is_an_error_not_a_deadlock(tmp_path: Path) -> None:
    with (
        lease(tmp_path, "dbt build"),
        pytest.raises(LeaseError, match=r"held by 'dbt build' in this very thread .*'publish' would wait for itself"),
        lease(tmp_path, "publish"),
    ):
        pass


def test_another_thread_of_the_same_process_waits_its_turn(tmp_path: Path) -> None:
    waits, events = threading.Event(), []

    def build() -> None:
        with lease(tmp_path, "dbt build", on_wait=lambda _: waits.set()):
            events.append("build")

    thread = threading.Thread(target=build)
    with lease(tmp_path, "load"):
        thread.start()
        assert waits.wait(10)
        events.append("load")
    thread.join(10)
    assert events == ["load", "build"]


def test_set_stop_event_ends_the_wait(tmp_path: Path, start: Callable[[str], Process]) -> None:
    build = start("dbt build")
    assert build.hears() == "holds"
    stop = threading.Event()

    with pytest.raises(LeaseError, match="stopped while waiting for the warehouse, held by 'dbt build'"):
        Lease(tmp_path, "load").acquire(stop=stop, on_wait=lambda _: stop.set())

    assert not lease_wanted(tmp_path)


def test_a_loader_that_is_told_to_end_while_it_waits_ends_well(tmp_path: Path) -> None:
    stop, failures = threading.Event(), list[BaseException]()

    def follow() -> None:
        try:
            Loader(tmp_path, f"duckdb:///{tmp_path / 'warehouse.duckdb'}").follow(stop)
        except BaseException as error:
            failures.append(error)

    with lease(tmp_path, "dbt build") as held:
        loader = threading.Thread(target=follow)
        loader.start()
        until(held.wanted)
        stop.set()
        loader.join(20)
    assert not loader.is_alive()
    assert failures == []


def test_program_that_inherits_the_lock_keeps_the_warehouse_held_after_its_parent_let_go(tmp_path: Path) -> None:
    with lease(tmp_path, "dbt build") as held:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[held.fileno()])
    with pytest.raises(LeaseError, match="'dbt build'"), lease(tmp_path, "load", wait_seconds=0):
        pass
    child.communicate()
    with lease(tmp_path, "load", wait_seconds=0):
        pass


def test_no_two_processes_ever_hold_the_warehouse_at_once(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")

    processes = [subprocess.Popen([sys.executable, "-c", _COUNT, str(tmp_path), "15"]) for _ in range(3)]

    assert [process.wait() for process in processes] == [0, 0, 0]
    assert counter.read_text() == "45"
