"""inet and cidr, value by value. Source: network_send and network_out (network.c, inet_net_ntop.c)."""

from typing import Final

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.binary.cursor import Cursor, cursors
from ingestion.postgres.pgoutput.binary.texts import Texts
from ingestion.postgres.pgoutput.tuples import Ints, Wire

_SIZES: Final = {2: 4, 3: 16}  # by family (PGSQL_AF_INET, PGSQL_AF_INET6)


def inet(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Addresses; the mask's length is left out when the mask is the whole address, but for cidr."""
    return Texts.listed([_address(cursor) for cursor in cursors(wire, start, length)])


def _address(cursor: Cursor) -> bytes:
    family, mask, is_cidr, size = cursor.octets(4)
    if _SIZES.get(family) != size or mask > 8 * size or is_cidr > 1:
        raise WireError(f"a network address of family {family} has {size} octets and a mask of {mask}")
    octets = cursor.octets(size)
    cursor.finish()
    text = ".".join(map(str, octets)) if size == 4 else _six(octets)
    return (f"{text}/{mask}" if is_cidr or mask < 8 * size else text).encode()


def _six(octets: bytes) -> str:
    """An address of version 6: the first of the longest runs of at least two zero words is left out."""
    words = [int.from_bytes(octets[at : at + 2]) for at in range(0, 16, 2)]
    best, run = (0, 0), 0
    for at in range(8):
        run = run + 1 if words[at] == 0 else 0
        if run > best[1]:
            best = (at + 1 - run, run)
    begin, count = best if best[1] > 1 else (8, 0)
    tail = [f"{word:x}" for word in words]
    if begin == 0 and (count == 6 or (count == 5 and words[5] == 0xFFFF)):
        tail[6:] = [".".join(map(str, octets[12:]))]
    if not count:
        return ":".join(tail)
    return f"{':'.join(tail[:begin])}::{':'.join(tail[begin + count :])}"
