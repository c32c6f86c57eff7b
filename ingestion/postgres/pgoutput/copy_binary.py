"""COPY BINARY by columns. Source: PostgreSQL manual, COPY, "Binary Format".

Records are CopyData messages as the server cut them: the first opens with the file header, the last is the trailer
(field count -1). The server sends one row per message; nothing here relies on more.
"""

from typing import Final

import numpy as np

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.tuples import BINARY, NULL, Ints, Values, Wire, Words

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_FILE_HEADER: Final = len(SIGNATURE) + 8


def decode_copy(buffer: bytearray, lengths: Ints, columns: int) -> tuple[Wire, list[Values]]:
    """Decode rows by column. Raises WireError on anything but whole rows of that many columns."""
    wire = Wire(buffer, int(lengths.sum()))
    end = np.cumsum(lengths)
    start = end - lengths
    if len(start) and bytes(buffer[start[0] : start[0] + len(SIGNATURE)]) == SIGNATURE:
        start[0] += _FILE_HEADER  # flags and an empty extension area
    rows = start < end
    start, end = start[rows], end[rows]
    trailer = wire.integers(start, ">i2", 2) == -1
    if trailer.any() and (trailer[:-1].any() or end[-1] - start[-1] != 2):
        raise WireError("rows follow the trailer of a COPY")
    start, end = start[~trailer], end[~trailer]
    if (wire.integers(start, ">i2", 2) != columns).any():
        raise WireError(f"a row of a COPY has another number of columns than {columns}")
    at, found = start + 2, []
    for _ in range(columns):
        wire.require_within(at, 4)
        head: Words = wire.view("V16", 16)[at].view("<u4").reshape(len(at), 4)
        length = head[:, 0].byteswap().view(np.int32).astype(np.int64)
        null = length == -1
        length = np.where(null, 0, length)
        following = at + 4 + length
        if (length < 0).any() or (following > wire.size).any():
            raise WireError("a value of a COPY is longer than its row")
        found.append(Values(at + 4, length, np.where(null, NULL, BINARY).astype(np.uint8), head))
        at = following
    if (at != end).any():
        raise WireError("a row of a COPY is longer or shorter than its columns")
    return wire, found
