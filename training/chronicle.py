"""The chronicle of a datasets directory: which sets were made and which are gone, a line each, only ever added to.

    <datasets>/registry.jsonl

The directories are the truth: a set is there when its directory is. The chronicle remembers those that were deleted,
which an auditor asks for and nothing else can tell. Each time it is written it is first made to agree with the
directories, so a kill between the two, or a deletion by hand, heals itself. It is a file and no table of the warehouse:
a pull reads what is published and never takes the lease (design law 9). `flux build`, which has it, copies new lines
into `_flux.datasets`, so that they can be queried.
"""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from training.directory import flush
from training.manifest import Manifest, read_manifest
from training.registry import Entry, entries

FILE_NAME = "registry.jsonl"


@dataclass(frozen=True, slots=True)
class Event:
    """A dataset was made, or is gone; what it was. Times are ISO 8601 in UTC; `at` is when it was written down."""

    event: Literal["made", "gone"]
    at: str
    name: str
    id: str
    as_of: str
    epoch: int
    lsn: int
    built_at: str
    logical_hash: str
    rows: int
    subjects: int | None
    size_bytes: int
    succeeds: str | None


def chronicle(datasets: Path) -> list[Event]:
    """Read all events, oldest first. A line that was cut off by a kill is no event."""
    try:
        lines = (datasets / FILE_NAME).read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [Event(**json.loads(line)) for line in lines if line.endswith("}\n")]


def write_down(datasets: Path) -> list[Event]:
    """Add what happened since the last time; return it. Reads the manifests of sets that are new."""
    if not datasets.is_dir():
        return []
    with (datasets / FILE_NAME).open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        present: dict[str, Event] = {}
        for event in chronicle(datasets):
            if event.event == "made":
                present[event.id] = event
            else:
                present.pop(event.id, None)
        found = {entry.id: entry for entry in entries(datasets)}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        new = [_made(entry, now) for entry in found.values() if entry.id not in present and entry.problem is None]
        new += [
            Event(**{**asdict(event), "event": "gone", "at": now}) for id_, event in present.items() if id_ not in found
        ]
        if new:
            if _is_cut_off(datasets / FILE_NAME):
                file.write("\n")
            file.writelines(json.dumps(asdict(event)) + "\n" for event in new)
            file.flush()
            os.fsync(file.fileno())
            flush(datasets)
    return new


def _made(entry: Entry, now: str) -> Event:
    manifest: Manifest = read_manifest(entry.directory)
    document = manifest.document
    subjects, succeeds = document["subjects"], document.get("succeeds")
    return Event(
        event="made",
        at=now,
        name=manifest.name,
        id=manifest.id,
        as_of=document["as_of"],
        epoch=document["cut"]["epoch"],
        lsn=document["cut"]["lsn"],
        built_at=document["built"]["at"],
        logical_hash=manifest.logical_hash,
        rows=sum(manifest.rows.values()),
        subjects=subjects and subjects["count"],
        size_bytes=manifest.size_bytes,
        succeeds=succeeds and succeeds["id"],
    )


def _is_cut_off(path: Path) -> bool:
    content = path.read_bytes()
    return bool(content) and not content.endswith(b"\n")
