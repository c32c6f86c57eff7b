"""The processes of this machine, from /proc: whose child one is, and what it was started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process that lives; zombies do not."""

    pid: int
    parent: int
    command: str


def processes() -> list[Process]:
    """List all that can be looked at."""
    found = []
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:  # it has just gone
            continue
        if state != "Z":
            found.append(Process(int(path.name), int(parent), command))
    return found


def descendants(pid: int) -> list[Process]:
    """List the children of a process, theirs, and so on."""
    everybody, found, wanted = processes(), [], {pid}
    while wanted:
        children = [process for process in everybody if process.parent in wanted]
        found += children
        wanted = {child.pid for child in children}
    return found


def lives(pid: int) -> bool:
    """Whether a process lives."""
    return any(process.pid == pid for process in processes())


def of_home(home: Path) -> list[Process]:
    """List the processes that were started for a FLUX_HOME. The embedded Postgres is told nothing of it."""
    word = f"FLUX_HOME={home}".encode()
    found = []
    for process in processes():
        try:
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        except OSError:
            continue
        if word in environment.split(b"\0"):
            found.append(process)
    return found
