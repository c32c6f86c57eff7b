"""A pull that was killed goes on where it was: what is finished is not written again, and the bytes are the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import training
from tests.training.examples import CUT, warehouse
from training import DatasetSpec, Origin, build_dataset, parts

STATE = Origin(state="publication 1")
GROUP_ROWS, PART_ROWS = 64, 256

KILLED = f"""
import os, signal, sys
from pathlib import Path
from tests.training.examples import CUT, SPEC, warehouse
from training import Origin, build_dataset, parse_spec, parts

parts.GROUP_ROWS, parts.PART_ROWS = {GROUP_ROWS}, {PART_ROWS}

def kill(step, rows, total):
    if step == split and rows >= at_least:
        os.kill(os.getpid(), signal.SIGKILL)

for out, split, at_least in zip(sys.argv[1::3], sys.argv[2::3], map(int, sys.argv[3::3])):
    if os.fork() == 0:
        with warehouse() as connection:
            origin = Origin(state="publication 1")
            build_dataset(connection, parse_spec(SPEC, "x.yaml"), out=Path(out), cut=CUT, origin=origin, progress=kill)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.wait()[1])
    assert code == -signal.SIGKILL, (out, code)
"""
KILLS = {
    "within a split": ("train", 600, 2),
    "in the second": ("valid", 64, 5),
    "in the last": ("test", 200, 7),
    "spoiled": ("valid", 64, 5),
    "published anew": ("valid", 64, 5),
}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "GROUP_ROWS", GROUP_ROWS)
    monkeypatch.setattr(parts, "PART_ROWS", PART_ROWS)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Homes of builds that were killed in the middle: forks of one process, which takes seconds to begin."""
    homes = {name: tmp_path_factory.mktemp("killed") for name in KILLS}
    places = [word for name, home in homes.items() for word in (str(home), *map(str, KILLS[name][:2]))]
    root = Path(training.__file__).parent.parent
    subprocess.run([sys.executable, "-c", KILLED, *places], cwd=root, check=True)
    return homes


def finished_parts(out: Path) -> dict[str, tuple[int, int]]:
    """Return the parts that a killed build had finished, with their times and inodes."""
    assert training.entries(out) == []
    [temporary] = (out / "examples").glob(".building-*")
    finished = json.loads((temporary / ".journal.json").read_text())
    return {part["file"]: seal(temporary / part["file"]) for part in finished}


def seal(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino


def part_bytes(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("part-*.parquet")}


@pytest.mark.parametrize("name", ["within a split", "in the second", "in the last"])
def test_finished_parts_are_not_written_again(
    spec: DatasetSpec, tmp_path: Path, killed: dict[str, Path], name: str
) -> None:
    out = killed[name]
    before = finished_parts(out)
    assert len(before) >= KILLS[name][2]  # parts are written beside the hashing, so a few more may be done

    with warehouse(threads=1, pieces=333) as connection:
        report = build_dataset(connection, spec, out=out, cut=CUT, origin=STATE)
    with warehouse() as connection:
        whole = build_dataset(connection, spec, out=tmp_path / "whole", cut=CUT, origin=STATE)

    assert report.created
    assert {name: seal(report.directory / name) for name in before} == before
    assert (report.id, report.rows) == (whole.id, whole.rows)
    assert part_bytes(report.directory) == part_bytes(whole.directory)
    assert sorted(path.name for path in report.directory.iterdir()) == [
        "CARD.md",
        "manifest.json",
        "stats.json",
        "test",
        "train",
        "valid",
    ]


def test_part_that_changed_on_the_disk_is_written_again(spec: DatasetSpec, killed: dict[str, Path]) -> None:
    out = killed["spoiled"]
    before = finished_parts(out)
    [temporary] = (out / "examples").glob(".building-*")
    spoiled = temporary / "train" / "part-00001.parquet"
    spoiled.write_bytes(spoiled.read_bytes()[:-8])

    with warehouse() as connection:
        report = build_dataset(connection, spec, out=out, cut=CUT, origin=STATE)

    assert training.open(report.directory).verify().rows == sum(report.rows.values())
    kept = [name for name, sealed in before.items() if seal(report.directory / name) == sealed]
    assert kept == ["train/part-00000.parquet"]


def test_other_publication_begins_anew(spec: DatasetSpec, killed: dict[str, Path]) -> None:
    out = killed["published anew"]
    before = finished_parts(out)

    with warehouse() as connection:
        report = build_dataset(connection, spec, out=out, cut=CUT, origin=Origin(state="publication 2"))

    assert report.created
    assert all(seal(report.directory / name) != sealed for name, sealed in before.items())
    assert [path.name for path in (out / "examples").iterdir() if path.is_dir()] == [report.id]
