"""Types made of octets: bytea, uuid, macaddr, macaddr8, jsonb, "char", bit and varbit.

Source: byteasend with bytea_output = hex, uuid_send, macaddr_send, macaddr8_send, jsonb_send, charsend, varbit_send.
"""

from typing import Final

import numpy as np

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.binary.cursor import cursors
from ingestion.postgres.pgoutput.binary.texts import Codec, Texts, require_size
from ingestion.postgres.pgoutput.tuples import Bytes, Ints, Wire

_PAIRS: Final = np.frombuffer(bytes(range(256)).hex().encode(), "<u2")  # two digits each
_PREFIX: Final = np.frombuffer(b"\\x", "<u2")
_HEX_BYTES: Final = 1 << 20  # at once: what finds them takes eight times as much


def hexadecimal(size: int, mark: str, behind: tuple[int, ...]) -> Codec:
    """Codec of `size` octets in hexadecimal, with a mark behind some of them."""
    pattern = np.array(
        list("".join(f"xx{mark if place in behind else ''}" for place in range(size)).encode()), np.uint8
    )
    written = np.flatnonzero(pattern == ord("x"))

    def decode(wire: Wire, start: Ints, length: Ints) -> Texts:
        require_size(length, size)
        octets = wire.view(f"V{size}", size)[start].view(np.uint8)
        cells = np.tile(pattern, (len(start), 1))
        cells[:, written] = _PAIRS[octets].view(np.uint8).reshape(-1, 2 * size)
        return Texts.joined(cells.reshape(-1), np.full(len(start), len(pattern)))

    return decode


def bytea(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Octets in hexadecimal behind `\\x`.

    The octet before each value is taken along, and what is made of it overwritten by the prefix.
    """
    first, size = start - 1, length + 1
    place = np.cumsum(size) - size
    pieces, row = [], 0
    while row < len(first):
        last = max(int(np.searchsorted(place, place[row] + _HEX_BYTES)), row + 1)
        pieces.append(_hex_piece(wire, first[row:last], size[row:last]))
        row = last
    data = np.concatenate(pieces) if pieces else np.zeros(0, np.uint8)
    return Texts.joined(data, 2 * size)


def _hex_piece(wire: Wire, first: Ints, size: Ints) -> Bytes:
    place = np.cumsum(size) - size
    if len(first) == 1:
        octets = wire.bytes[first[0] : first[0] + size[0]]
    else:
        octets = wire.bytes[np.repeat(first - place, size) + np.arange(int(size.sum()))]
    pairs = _PAIRS[octets]
    pairs[place] = _PREFIX
    return pairs.view(np.uint8)


def jsonb(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Documents behind an octet that says the form's version, which is 1."""
    if (length < 1).any() or (wire.octets(start) != 1).any():
        raise WireError("a jsonb is not of version 1")
    return Texts(wire.bytes, start + 1, length - 1)


def char(wire: Wire, start: Ints, length: Ints) -> Texts:
    """The type "char": one octet; none is written for 0, an octal number above 127 (Postgres 16 and later)."""
    require_size(length, 1)
    octets = wire.octets(start).tolist()
    return Texts.listed([b"\\%03o" % octet if octet > 127 else bytes([octet]) if octet else b"" for octet in octets])


def bits(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Strings of bits, value by value."""
    texts = []
    for cursor in cursors(wire, start, length):
        count = cursor.integer()
        octets = cursor.octets(-(-count // 8))
        cursor.finish()
        texts.append(f"{int.from_bytes(octets):0{8 * len(octets)}b}"[:count].encode() if count else b"")
    return Texts.listed(texts)
