"""Which server the log was written from: no other one is followed unless somebody says that it is meant.

A system identifier is made by initdb. It stays through restarts, failovers and copies of the data directory, and is new
after a major upgrade or a restored dump; but it is new as well where a URL leads to a server that is none of ours, and
what is there would take the place of all that the warehouse holds.
"""

from pathlib import Path
from typing import Final

from ingestion.errors import SourceChangedError
from ingestion.log import LogPosition, LogReader
from ingestion.log.directory import make_private, write_private
from ingestion.log.segment import SEGMENT_HEADER
from ingestion.postgres.pgoutput.records import SESSION, Session
from ingestion.postgres.source import Source
from ingestion.postgres.walsender import Walsender

_ACCEPTED: Final = "new-source"


def require_known(walsender: Walsender, last: Session | None, log: Path) -> None:
    """Raise SourceChangedError when the source is another server than the log's last, and nobody accepted it."""
    identifier = _identifier(walsender)
    if last is None or last.system_identifier == identifier or _accepted(log) == identifier:
        return
    raise SourceChangedError(
        f"the source is another server than before (system identifier {identifier}, was {last.system_identifier}). "
        "Correct FLUX_SOURCE_URL; or, when it is meant (a major upgrade, a restored dump), run "
        "'flux replicate --new-source': every table is copied from it"
    )


def last_session(reader: LogReader) -> Session | None:
    """The newest session of the log: each segment opens with one."""
    durable = reader.durable_end()
    if durable is None:
        return None
    session = None
    for position, header in reader.headers(LogPosition(durable.segment, SEGMENT_HEADER.size)):
        if header.kind == SESSION:
            session = Session.from_bytes(reader.read(position, header).payload)
    return session


def accept_source(source: Source, log: Path) -> None:
    """Let captures of this log, also one that runs, go on with the server that is there now."""
    with Walsender(source) as walsender:
        identifier = _identifier(walsender)
    make_private(log)
    write_private(log / _ACCEPTED, identifier)


def _identifier(walsender: Walsender) -> str:
    return str(walsender.command("IDENTIFY_SYSTEM")[0]["systemid"])


def _accepted(log: Path) -> str | None:
    try:
        return (log / _ACCEPTED).read_text()
    except FileNotFoundError:
        return None
