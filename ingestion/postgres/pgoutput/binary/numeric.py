"""numeric: groups of four decimal digits. Source: numeric_send and get_str_from_var (numeric.c).

Four 16-bit numbers (how many groups, the first one's weight, sign, digits behind the point), then the groups. All
values of usual size are written at once; NaN, infinities and a value of very many digits are written by themselves:
its row would make the matrix of all as wide.
"""

from typing import Final

import numpy as np

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.binary.texts import Texts, digits
from ingestion.postgres.pgoutput.tuples import Bytes, Ints, Wire

_HEADER: Final = 8
_NEGATIVE: Final = 0x4000
_SPECIAL: Final = {0xC000: b"NaN", 0xD000: b"Infinity", 0xF000: b"-Infinity"}
_MOST_SCALE: Final = 0x3FFF
_QUADS: Final = digits(np.arange(10_000), 4)
# Groups before the point, digits behind it: up to here values are written at once.
_WIDE_GROUPS, _WIDE_SCALE = 8, 40


def numeric(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Numbers with just the digits behind the point that they were stored with."""
    if (length < _HEADER).any():
        raise WireError("a numeric is shorter than its header")
    groups, weight, sign, scale = (
        wire.integers(start + 2 * place, dtype, 2) for place, dtype in enumerate((">u2", ">i2", ">u2", ">u2"))
    )
    if (length != _HEADER + 2 * groups).any():
        raise WireError("a numeric is longer or shorter than its digits")
    special = np.isin(sign, list(_SPECIAL))
    if not (special | (sign == 0) | (sign == _NEGATIVE)).all() or (scale > _MOST_SCALE).any():
        raise WireError("a numeric has a sign or a scale that does not exist")
    odd = special | (weight >= _WIDE_GROUPS) | (scale > _WIDE_SCALE)
    cells = _cells(wire, start, groups, np.where(odd, -1, weight), sign == _NEGATIVE, np.where(odd, 0, scale))
    texts = []
    for row in np.flatnonzero(odd).tolist():
        quads = wire.integers(start[row] + _HEADER + 2 * np.arange(groups[row]), ">u2", 2)
        plain = _text(_checked(quads).tolist(), int(weight[row]), bool(sign[row]), int(scale[row]))
        texts.append(_SPECIAL.get(int(sign[row]), plain))
    return Texts.packed(cells).replaced(np.flatnonzero(odd), Texts.listed(texts))


def _cells(wire: Wire, start: Ints, groups: Ints, weight: Ints, negative: "np.ndarray", scale: Ints) -> Bytes:
    """The texts as rows of a matrix with holes: sign, digits before the point, point, digits behind it."""
    before = max(int(weight.max(initial=0)), 0) + 1
    behind = -(-int(scale.max(initial=0)) // 4)
    cells = np.zeros((len(start), 2 + 4 * (before + behind)), np.uint8)
    cells[negative, 0] = ord("-")
    for place in range(before + behind):
        index = weight - (before - 1 - place)
        there = (index >= 0) & (index < groups)
        quads = wire.integers(np.where(there, start + _HEADER + 2 * index, start), ">u2", 2) * there
        at = 1 + 4 * place + (place >= before)
        cells[:, at : at + 4] = _QUADS[_checked(quads)]
    whole, fraction = cells[:, 1 : 1 + 4 * before], cells[:, 2 + 4 * before :]
    shown = np.logical_or.accumulate(whole != ord("0"), axis=1)
    shown[:, -1] = True
    whole[~shown] = 0
    cells[scale > 0, 1 + 4 * before] = ord(".")
    fraction[np.arange(4 * behind) >= scale[:, None]] = 0
    return cells


def _text(quads: list[int], weight: int, negative: bool, scale: int) -> bytes:
    """One number of any size."""
    written = "".join(f"{quad:04d}" for quad in quads)
    point = 4 * (weight + 1)
    whole = written[: max(point, 0)].ljust(point, "0").lstrip("0") or "0"
    fraction = ("0" * -point + written[max(point, 0) :]).ljust(scale, "0")[:scale]
    return f"{'-' if negative else ''}{whole}{'.' if scale else ''}{fraction}".encode()


def _checked(quads: Ints) -> Ints:
    if (quads > 9999).any():
        raise WireError(f"a group of a numeric's digits is {int(quads.max())}, above 9999")
    return quads
