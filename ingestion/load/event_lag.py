"""How far the warehouse is behind the collector, in seconds: the age of the oldest event that is not loaded."""

from datetime import datetime

from ingestion.events.record import KIND_EVENTS, head
from ingestion.log import LogPosition, LogReader


def events_waiting_since(reader: LogReader, at: LogPosition | None) -> datetime | None:
    """When the oldest event arrived that the log holds from a place on (None: its begin); None when there is none.

    Reads one block. A log that no longer reaches back to the place is read from its begin.
    """
    start = at if at is not None and reader.holds(at) else None
    for place, header in reader.headers(start):
        if header.kind != KIND_EVENTS or not header.records:
            continue
        received_at, _ = head(reader.read(place, header).records()[0])
        return datetime.fromisoformat(received_at) if received_at else None
    return None
