"""Kill a pull at each thing that it does to the file system, one after the other, and see what is left.

    python -m tests.crash.pulls DIRECTORY [FIRST [LAST]]

The child counts what it does below its directory (an audit hook: open to write, rename, chmod, remove, make, flush) and
is killed just before the n-th. A fork for each, since a kill is of a process; nothing has threads before the fork.
Prints how many places there were; exit code 1 tells where something did not hold.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import training
from tests.training.examples import CUT, SPEC, warehouse
from training import Dataset, Origin, build_dataset, export, parse_spec, parts
from training.chronicle import FILE_NAME, chronicle

EVENTS = {"open", "os.rename", "os.mkdir", "os.chmod", "os.remove", "os.rmdir"}
FORMAT = "arrow"


def pull(out: Path) -> None:
    """Build and export, in parts so small that there are several."""
    parts.GROUP_ROWS, parts.PART_ROWS = 128, 512
    with warehouse(threads=1) as connection:
        origin = Origin(state="publication 1")
        report = build_dataset(connection, parse_spec(SPEC, "x.yaml"), out=out, cut=CUT, origin=origin)
    export(Dataset(report.directory), FORMAT)


def counted(out: Path, kill_at: int) -> None:
    """Pull, and die at the n-th event (0: never); leaves the number of events beside the directory."""
    seen = 0

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event not in EVENTS or not isinstance(arguments[0], str | os.PathLike) or not is_below(arguments[0], out):
            return
        seen += 1
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)
    pull(out)
    out.with_suffix(".count").write_text(str(seen))


def is_below(path: str | os.PathLike[str], out: Path) -> bool:
    return str(out) in os.fspath(path) and not os.fspath(path).endswith(".count")


def left_sound(out: Path, whole: Path) -> None:
    """What stands there now is whole, what is asked for again comes out the same, and it is written down once."""
    found = training.entries(out)
    assert all(entry.problem is None for entry in found), found
    for entry in found:
        Dataset(entry.directory).verify()
    pull(out)
    [again] = training.entries(out)
    Dataset(again.directory).verify()
    assert held(again.directory) == held(training.entries(whole)[0].directory)
    assert not list(out.rglob(".building-*"))
    assert [(event.event, event.id) for event in chronicle(out)] == [("made", again.id)]
    assert (out / FILE_NAME).read_text(encoding="utf-8").endswith("}\n")


def held(directory: Path) -> dict[str, bytes]:
    """Bytes of all that a pull makes, but for the papers that tell the time at which it did."""
    home = directory.parent
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.suffix in (".parquet", ".arrow", ".feather")
    }


def forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(root: Path, first: int = 1, last: int | None = None) -> int:
    root.mkdir(parents=True, exist_ok=True)  # else the first pull has one more to make than those that follow
    whole = root / "whole"
    if forked(lambda: counted(whole, 0)):
        return 1
    places = int(whole.with_suffix(".count").read_text())
    for place in range(first, min(places, last or places) + 1):
        out = root / f"{place:04d}"
        code = forked(lambda out=out, place=place: counted(out, place))  # type: ignore[misc]
        if code != -signal.SIGKILL or forked(lambda out=out: left_sound(out, whole)):  # type: ignore[misc]
            print(f"killed at {place} of {places}: see {out}")
            return 1
    print(places)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
