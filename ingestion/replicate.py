"""Replicate up to now: capture what the source has committed, load it, and see to it that nothing is left open."""

import time
from dataclasses import dataclass
from typing import Final

from ingestion.errors import LogError, SourceError
from ingestion.load.service import Drained, Loader
from ingestion.log import LogReader
from ingestion.log.directory import wanted
from ingestion.postgres.capture import Capture
from ingestion.postgres.copy_rows import Progress as CopyProgress
from ingestion.postgres.pgoutput.lsn import Lsn, format_lsn
from ingestion.postgres.slot import current_lsn
from ingestion.postgres.source import Source, connect

_ROUNDS: Final = 4
_WAIT_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Replicated:
    """One run up to now: the LSN that was captured, and what the loads brought."""

    captured: Lsn
    drained: list[Drained]


def until_now(source: Source, loader: Loader, *, progress: CopyProgress | None = None) -> Replicated:
    """Bring everything committed at the source before this call into the warehouse.

    Beside a running capture it waits for that one. Tables that the load could not follow are copied anew, within the
    same call.
    """
    drained: list[Drained] = []
    for _ in range(_ROUNDS):
        captured = _capture(source, loader, progress)
        drained.append(loader.drain())
        if not wanted(loader.log / "copies"):
            break
    return Replicated(captured, drained)


def _capture(source: Source, loader: Loader, progress: CopyProgress | None) -> Lsn:
    try:
        return Capture(source, loader.log).until_now(progress=progress)
    except LogError as error:
        # Somebody else writes the log: a running capture, which gets there by itself.
        with connect(source) as connection:
            target = current_lsn(connection)
        reader, deadline = LogReader(loader.log / "postgres"), time.monotonic() + _WAIT_SECONDS
        while reader.last_mark() < target or wanted(loader.log / "copies"):
            if time.monotonic() > deadline:
                raise SourceError(
                    f"the running capture has reached {format_lsn(reader.last_mark())} of {format_lsn(target)} in "
                    f"{_WAIT_SECONDS:.0f} s; see its log for why it is stuck"
                ) from error
            time.sleep(0.1)
        return target
