"""The supervisor: starts, restarts, and leaves nobody behind, however it ends itself."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestration.errors import ServiceError
from orchestration.supervisor import Service, Supervisor

# `sleeper` is a module of this folder, which is no package: two dependencies of ours install a package named tests.
MODULES = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])
SUPERVISE = """
import sys, time
from pathlib import Path
from orchestration.supervisor import Service, Supervisor
folder = Path(sys.argv[1])
supervisor = Supervisor(folder / "logs", environment={}, say=print)
supervisor.start(Service(name="one", module="sleeper", arguments=(str(folder / "one"),)))
supervisor.watch()
"""
_PRINT_FOR_EVER = "import time, itertools\nfor number in itertools.count():\n    print(number); time.sleep(0.001)"


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Tell whether a process has ended; a zombie that waits for its parent has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def sleeper(folder: Path, name: str, *flags: str, stop_seconds: float = 15.0) -> Service:
    return Service(
        name=name,
        module="sleeper",
        arguments=(str(folder / name), *flags),
        healthy=(folder / name).exists,
        stop_seconds=stop_seconds,
    )


def pids(folder: Path, name: str) -> list[int]:
    return [int(word) for word in (folder / name).read_text().split()]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, told: list[str]) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "logs", environment={"PYTHONPATH": MODULES}, say=told.append) as made:
        yield made


def test_end_leaves_neither_children_nor_their_children(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(sleeper(tmp_path, "one"), sleeper(tmp_path, "two"))
    processes = pids(tmp_path, "one") + pids(tmp_path, "two")
    assert not any(gone(pid) for pid in processes)
    supervisor.end()
    wait_for(lambda: all(gone(pid) for pid in processes))


def test_child_that_ignores_the_request_to_end_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(sleeper(tmp_path, "deaf", "deaf", stop_seconds=0.2))
    processes = pids(tmp_path, "deaf")
    supervisor.end()
    wait_for(lambda: all(gone(pid) for pid in processes))


def test_child_that_dies_is_started_again_and_said_so(supervisor: Supervisor, tmp_path: Path, told: list[str]) -> None:
    supervisor.start(sleeper(tmp_path, "one"))
    first, grandchild = pids(tmp_path, "one")
    os.kill(first, signal.SIGKILL)
    supervisor.watch(until=lambda: pids(tmp_path, "one")[0] != first)
    assert told == [f"one died (exit -9), starting it again in 1 s; its log is {str(tmp_path / 'logs' / 'one.log')!r}"]
    wait_for(lambda: gone(grandchild))


def test_kill_nine_of_the_supervisor_ends_the_children_too(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": MODULES}
    with subprocess.Popen([sys.executable, "-c", SUPERVISE, str(tmp_path)], env=environment) as process:
        try:
            wait_for((tmp_path / "one").exists)
        finally:
            process.kill()
    processes = pids(tmp_path, "one")
    wait_for(lambda: all(gone(pid) for pid in processes))


def test_service_that_cannot_start_says_why_in_its_own_words(supervisor: Supervisor, tmp_path: Path) -> None:
    broken = Service(name="broken", module="orchestration.cli", arguments=("settings",), healthy=lambda: False,
                     environment={"FLUX_HOEM": "x"})  # fmt: skip
    with pytest.raises(ServiceError, match=r"broken did not start \(exit 1\): unknown setting 'FLUX_HOEM'"):
        supervisor.start(broken)


def test_service_that_is_not_ready_in_time_is_an_error(supervisor: Supervisor, tmp_path: Path) -> None:
    slow = Service(name="slow", module="sleeper", arguments=(str(tmp_path / "slow"),),
                   healthy=lambda: False, ready_seconds=0.1)  # fmt: skip
    with pytest.raises(ServiceError, match="slow was not ready within 0 s"):
        supervisor.start(slow)


def test_task_hands_over_each_line_and_its_failure(supervisor: Supervisor) -> None:
    lines: list[str] = []
    supervisor.run(Service(name="good", arguments=("settings", "--json")), lines.append).wait()
    assert "FLUX_HOME" in "".join(lines)
    task = supervisor.run(Service(name="bad", arguments=("settings", "--nonsense")), lines.append)
    with pytest.raises(ServiceError, match=r"bad failed \(exit 2\)"):
        task.wait()


def test_task_that_has_ended_is_left_alone(supervisor: Supervisor, tmp_path: Path, told: list[str]) -> None:
    task = supervisor.run(Service(name="brief", module="platform"), lambda line: None)
    wait_for(task.done)
    supervisor.start()
    supervisor.tend()
    supervisor.start(sleeper(tmp_path, "one"))
    task.wait()
    assert told == []
    assert list(supervisor.pids()) == ["one"]


def test_service_that_is_killed_before_it_is_ready_is_started_again(
    supervisor: Supervisor, tmp_path: Path, told: list[str]
) -> None:
    seen: list[int] = []

    def ready() -> bool:
        if not (tmp_path / "one").exists():
            return False
        pid = pids(tmp_path, "one")[0]
        if not seen:
            seen.append(pid)
            os.kill(pid, signal.SIGKILL)
        return pid != seen[0]

    supervisor.start(dataclasses.replace(sleeper(tmp_path, "one"), healthy=ready))
    assert [text.partition(";")[0] for text in told] == ["one died (exit -9), starting it again in 1 s"]


def test_task_that_is_killed_is_done_again_and_half_a_line_of_it_is_not_heard(
    supervisor: Supervisor, tmp_path: Path, told: list[str]
) -> None:
    lines: list[str] = []
    task = supervisor.run(Service(name="brief", module="mortal", arguments=(str(tmp_path / "once"),)), lines.append)
    supervisor.watch(until=task.done)
    task.wait()
    assert lines == ["begun", "begun", "done"]
    assert [text.partition(";")[0] for text in told] == ["brief died (exit -9), starting it again in 1 s"]


def test_a_long_log_is_set_aside_while_its_process_writes_on(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.supervisor.child.LOG_BYTES", 1000)
    monkeypatch.setattr("orchestration.supervisor.supervisor.LOGS_SECONDS", 0.0)
    log = tmp_path / "logs" / "timeit.log"
    # Prints a line for each number, on and on.
    supervisor.start(Service(name="timeit", module="timeit", arguments=("-n", "1", "-r", "1", _PRINT_FOR_EVER)))
    supervisor.watch(until=lambda: log.with_suffix(".log.1").exists() and 0 < log.stat().st_size < 1000)
    assert log.with_suffix(".log.1").stat().st_size > 1000
    assert b"\0" not in log.read_bytes()  # it goes on at the file's new end
    assert len(supervisor.pids()) == 1
