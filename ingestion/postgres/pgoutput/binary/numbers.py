"""Booleans, integers and positions in the WAL. Source: boolsend, int2send, int4send, int8send, oidsend, pg_lsn_send."""

import numpy as np

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.binary.texts import Codec, Texts, require_size
from ingestion.postgres.pgoutput.lsn import format_lsn
from ingestion.postgres.pgoutput.tuples import Ints, Wire, arrow_integers


def integer(dtype: str, width: int) -> Codec:
    """Codec of big-endian integers."""

    def decode(wire: Wire, start: Ints, length: Ints) -> Texts:
        require_size(length, width)
        return Texts.cast(arrow_integers(wire.integers(start, dtype, width)))

    return decode


def boolean(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Booleans, `t` or `f`."""
    require_size(length, 1)
    octets = wire.octets(start)
    if (octets > 1).any():
        raise WireError(f"a boolean is {int(octets.max())}, neither 0 nor 1")
    return Texts.packed(np.where(octets == 1, ord("t"), ord("f")).astype(np.uint8)[:, None])


def lsn(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Positions in the WAL, value by value."""
    require_size(length, 8)
    return Texts.listed([format_lsn(at & (1 << 64) - 1).encode() for at in wire.integers(start, ">i8", 8).tolist()])
