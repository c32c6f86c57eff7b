"""How far the warehouse is behind the log, in seconds: the age of the oldest transaction that is not loaded.

Not the age of the newest one that is: at a source that rests for hours, the next transaction would make that hours.
"""

from datetime import UTC, datetime

import numpy as np

from ingestion.load.positions import Position
from ingestion.log import LogReader
from ingestion.postgres.pgoutput.messages import BEGIN, HEADER, POSTGRES_EPOCH_US
from ingestion.postgres.pgoutput.records import SESSION, WAL, Session

_BEGIN_BYTES = 17  # its tag, the commit's LSN and time


def waiting_since(reader: LogReader, position: Position) -> datetime | None:
    """When the oldest transaction committed that the log holds and the warehouse lacks; None when there is none.

    Reads one block, mostly.
    """
    at = position.at if position.at is not None and reader.holds(position.at) else None
    lsn = position.lsn
    for place, header in reader.headers(at):
        if header.kind == SESSION:
            session = Session.from_bytes(reader.read(place, header).payload)
            if session.epoch < position.epoch:
                continue
            lsn = position.lsn if session.epoch == position.epoch else 0
        if header.kind != WAL or not header.records:
            continue
        block = reader.read(place, header)
        raw = np.frombuffer(block.buffer, np.uint8)
        starts = np.cumsum(block.lengths) - block.lengths + HEADER
        begins = starts[raw[starts] == BEGIN]
        told = raw[begins[:, None] + np.arange(1, _BEGIN_BYTES)].copy().view(">i8").reshape(-1, 2)
        later = told[told[:, 0] >= lsn]
        if len(later):
            return datetime.fromtimestamp((int(later[0, 1]) + POSTGRES_EPOCH_US) / 1e6, UTC)
    return None
