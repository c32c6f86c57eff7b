"""Failpoints: named places where a test lets a process die, stall or meet a full disk.

A process started with `FLUX_FAILPOINT=name[:n[-m]][=action]` (several apart by commas) acts when it reaches the
place for the n-th time (to the m-th; default: the first alone). Actions: `kill` (SIGKILL to itself, the default),
`enospc` and `eio` (raise that OSError), `stall/SECONDS`. In every other process a place costs one look into an empty
dict. FLUX_FAILPOINT is no setting: nobody but a test sets it, and a name that is not in the table below stops the
process at its start.
"""

import errno
import os
import re
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

VARIABLE: Final = "FLUX_FAILPOINT"

FAILPOINTS: Final[Mapping[str, str]] = {
    "log.before_write": "the blocks of a commit are in memory alone",
    "log.before_fdatasync": "the blocks are with the kernel, not on disk",
    "log.before_note": "the blocks are on disk, no reader may see them yet",
    "log.after_note": "the blocks are durable, whoever waits for them was not told",
    "log.rotate.before_header": "a new segment has a name and no byte",
    "log.rotate.before_note": "a new segment is on disk, the note points to the old one",
    "capture.after_slot": "the slot is made or found, the log does not know the session",
    "capture.received": "messages were received, none is in the log",
    "capture.before_acknowledge": "messages are durable, the source was not told",
    "capture.after_acknowledge": "the source was told",
    "capture.before_idle_acknowledge": "an idle position is durable, the source was not told",
    "copy.begun": "a table's copy has a directory and no row",
    "copy.in_table": "some rows of a table are in the log, others are not",
    "copy.before_rename": "a table is copied whole, under the name of an unfinished copy",
    "copy.after_rename": "a table is copied whole, the wish for it stands still",
    "load.after_stage": "a batch is applied in an open transaction, without its position",
    "load.before_commit": "a batch and its position are in an open transaction",
    "load.after_commit": "a batch is committed, its loader does not know",
    "load.copy.before_commit": "a copy is loaded in an open transaction",
    "load.copy.after_commit": "a copy is committed, the stream behind it is not",
    "load.status.before_rename": "the status is written, under another name",
    "bigquery.staged": "rows wait in BigQuery beside their tables, the transaction has not begun",
    "bigquery.committed": "a transaction is committed there, its loader does not know",
    "bigquery.columns.dropped": "columns that a transaction let go are dropped, their record stands still",
    "bigquery.columns.renamed": "a column is renamed there, its record is not",
    "replay.before_swap": "a rebuilt warehouse is whole, the old one is in its place",
    "replay.after_swap": "a rebuilt warehouse is in its place, the status tells of the old one",
    "repair.before_commit": "rows that differed are repaired in an open transaction",
    "repair.after_commit": "one range is repaired, others still differ",
    "requeue.before_commit": "quarantined events are loaded in an open transaction",
    "reread.before_commit": "events that were read again are loaded in an open transaction",
    "import.handed_in": "lines of an archive lie beside the log, whole, and are not in it",
    "import.before_note": "lines of an archive are safe, the note of how far it is read is not written",
    "vendor.before_commit": "a vendor's file is applied in an open transaction",
    "handed.before_remove": "records that were handed in are in the log, and still lie beside it",
    "retention.segment_removed": "a segment of the log is removed, copies that it spends are not",
    "retention.spent": "a copy is marked as spent, its rows are still there",
    "retention.copy_aside": "a superseded copy has lost its name, its rows are still there",
    "collector.before_commit": "an SDK waits, its events are in memory alone",
    "collector.after_commit": "events are durable, their SDK was not told",
    "events.before_commit": "events and their position are in an open transaction",
    "events.after_commit": "events are committed, their loader does not know",
    "publish.before_rename": "the new copy for readers is whole, under another name",
    "publish.after_rename": "readers see the new copy, its publisher does not know",
    "serving.before_swap": "the models' copies are whole in a Postgres warehouse, under another name",
    "serving.after_swap": "readers see the new copies there, the old ones are not dropped",
    "elsewhere.table_whole": "one more table of a copy in another Postgres is whole, under another name",
    "elsewhere.before_swap": "the copy there is whole, under another name",
    "elsewhere.after_swap": "readers there see it, the old one is not dropped",
}

_FORM: Final = re.compile(
    r"(?P<name>[a-z_.]+)(:(?P<first>\d+)(-(?P<last>\d+))?)?(=(?P<action>[a-z]+)(/(?P<seconds>[\d.]+))?)?"
)


@dataclass(slots=True)
class _Shot:
    """What happens at a place, and at which of its times. `reached` counts them."""

    first: int
    last: int
    action: str
    seconds: float
    reached: int = 0


def reach(name: str) -> None:
    """Be at a place of the table. Raises OSError where a test wants a disk to fail."""
    if name in _ARMED:
        _fire(name, _ARMED[name])


def read_shots(text: str) -> dict[str, _Shot]:
    """Read what FLUX_FAILPOINT says. Raises ValueError for a place or an action that does not exist."""
    shots = {}
    for part in filter(None, text.split(",")):
        found = _FORM.fullmatch(part)
        action = (found["action"] or "kill") if found else ""
        if found is None or found["name"] not in FAILPOINTS or action not in ("kill", "enospc", "eio", "stall"):
            raise ValueError(f"{VARIABLE} cannot be meant: {part!r}; places are {', '.join(FAILPOINTS)}")
        first = int(found["first"] or 1)
        shots[found["name"]] = _Shot(first, int(found["last"] or first), action, float(found["seconds"] or 0))
    return shots


def _fire(name: str, shot: _Shot) -> None:
    shot.reached += 1
    if not shot.first <= shot.reached <= shot.last:
        return
    if shot.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif shot.action == "stall":
        time.sleep(shot.seconds)
    else:
        code = errno.ENOSPC if shot.action == "enospc" else errno.EIO
        raise OSError(code, os.strerror(code), name)


_ARMED: Final = read_shots(os.environ.get(VARIABLE, ""))
