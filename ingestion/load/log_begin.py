"""Where the stream in the log begins: not always with its first byte.

A log whose oldest segments were removed may open in the middle of a transaction. So it begins behind the first commit
that is told in it; whatever commits at or above that place is in it as a whole.
"""

from ingestion.log import LogPosition, LogReader
from ingestion.log.segment import SEGMENT_HEADER
from ingestion.postgres.pgoutput.records import RELATION, SESSION, Session

Place = tuple[int, int]
"""Epoch and LSN."""


def log_begin(reader: LogReader, first: int | None = None) -> Place | None:
    """The place from which on the log holds whole transactions, when it began with segment `first` (None: as it is).

    None: it holds none yet. Reads headers, of one segment mostly.
    """
    start = LogPosition(first, SEGMENT_HEADER.size) if first is not None else None
    session: Session | None = None
    for at, header in reader.headers(start):
        if header.kind == SESSION:
            told = Session.from_bytes(reader.read(at, header).payload)
            # A segment opens with the session of before; one that begins here sends all that is not in yet.
            if at.offset > SEGMENT_HEADER.size or reader.is_first(at.segment):
                return told.epoch, told.start_lsn
            session = told
        elif header.mark and session is not None and header.kind != RELATION:
            return session.epoch, header.mark
    return None
