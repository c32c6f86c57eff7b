"""float4 and float8: the shortest digits that read back as the same bits, spelled as Postgres does.

Source: d2s.c, f2s.c. Arrow finds the digits (Grisu3 and fallbacks, by the round-trip rule of IEEE 754); Postgres takes
none that lie exactly between two floats, which a reader must round to even to get back (`acceptBounds = false`): it
writes 1e23 as 9.999999999999999e+22. Only digits of a large number can lie so; what may, is looked at one by one.
"""

import math
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingestion.postgres.pgoutput.binary.texts import Texts, require_size
from ingestion.postgres.pgoutput.tuples import Bytes, Ints, Wire

_MOST_DIGITS: Final = 17
_ZEROS: Final = b"0.000"


@dataclass(frozen=True, slots=True)
class _Format:
    """A width of floats. From the power of ten `scientific` on, and below 0.0001, an exponent is written."""

    width: int
    dtype: str
    layout: str
    bits: str
    scientific: int
    mantissa: int  # its bits


_FLOAT4: Final = _Format(4, ">f4", ">f", ">I", 6, 24)
_FLOAT8: Final = _Format(8, ">f8", ">d", ">Q", 15, 53)


def float4(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Floats of 4 bytes."""
    return _decode(_FLOAT4, wire, start, length)


def float8(wire: Wire, start: Ints, length: Ints) -> Texts:
    """Floats of 8 bytes."""
    return _decode(_FLOAT8, wire, start, length)


def _decode(form: _Format, wire: Wire, start: Ints, length: Ints) -> Texts:
    require_size(length, form.width)
    values = wire.view(form.dtype, form.width)[start].astype(form.dtype.replace(">", "<"))
    written = Texts.cast(_arrow(values))
    size = np.abs(values)
    odd = ~(size < 10.0**form.scientific) | ((size < 1e-4) & (size > 0)) | _with_exponent(written)
    rows = np.flatnonzero(odd)
    if not len(rows):
        return written
    values, odd_texts = values[rows], Texts(written.data, written.start[rows], written.length[rows])
    digit, count, power = _digits(odd_texts)
    cells = _spelled(form, digit, count, power, np.signbit(values))
    for row in np.flatnonzero(_maybe_ties(form, digit, count, power) & np.isfinite(values)).tolist():
        _put(cells, np.array([row]), _without_tie(form, float(values[row])))
    _put(cells, np.isnan(values), b"NaN")
    _put(cells, np.isposinf(values), b"Infinity")
    _put(cells, np.isneginf(values), b"-Infinity")
    return written.replaced(rows, Texts.packed(cells))


def _put(cells: Bytes, rows: npt.NDArray[Any], text: bytes) -> None:
    cells[rows] = 0
    cells[rows, : len(text)] = np.frombuffer(text, np.uint8)


def _with_exponent(written: Texts) -> npt.NDArray[np.bool_]:
    """Which texts hold an 'e'."""
    found = np.zeros(len(written.start), np.bool_)
    found[np.searchsorted(written.start, np.flatnonzero(written.data == ord("e")), side="right") - 1] = True
    return found


def _maybe_ties(form: _Format, digit: Bytes, count: Ints, power: Ints) -> npt.NDArray[np.bool_]:
    """Numbers whose digits may lie between two floats: odd times a power of two, with one bit more than a float has."""
    zeros = power - count + 1
    number = np.zeros(len(count), np.int64)
    for place in range(_MOST_DIGITS):
        number = np.where(place < count, 10 * number + digit[:, place] - ord("0"), number)
    odd = number // np.maximum(number & -number, 1)
    bits = np.log2(np.maximum(odd, 1)) + zeros * np.log2(5)
    found: npt.NDArray[np.bool_] = (zeros >= 0) & (bits > form.mantissa - 1e-6) & (bits < form.mantissa + 1 + 1e-6)
    return found


def _arrow(values: npt.NDArray[np.floating[Any]]) -> pa.Array:
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def _spelled(form: _Format, digit: Bytes, count: Ints, power: Ints, negative: npt.NDArray[np.bool_]) -> Bytes:
    """Write digits, of which the first stands for that power of ten, as Postgres does; rows with holes."""
    rows, column = len(count), np.arange(_MOST_DIGITS)
    plain = (power >= -4) & (power < form.scientific)
    cells = np.zeros((rows, 1 + len(_ZEROS) + 2 * _MOST_DIGITS + 5), np.uint8)
    cells[negative, 0] = ord("-")
    zeros = np.where(plain & (power < 0), 1 - power, 0)
    lead = cells[:, 1 : 1 + len(_ZEROS)]
    lead[:] = np.frombuffer(_ZEROS, np.uint8)
    lead[np.arange(len(_ZEROS)) >= zeros[:, None]] = 0
    # Where the point stands: behind this digit, if any follows.
    point = np.where(plain, power, 0)
    shown = column < np.maximum(count, np.where(plain, power + 1, 1))[:, None]
    body = cells[:, 1 + len(_ZEROS) : -5].reshape(rows, _MOST_DIGITS, 2)
    body[:, :, 0] = np.where(shown, digit, 0)
    body[:, :, 1] = np.where((column == point[:, None]) & (count > point + 1)[:, None], ord("."), 0)
    tail, exponent = cells[:, -5:], np.abs(power)
    tail[:, 0] = ord("e")
    tail[:, 1] = np.where(power < 0, ord("-"), ord("+"))
    for place in range(3):
        tail[:, 2 + place] = exponent // 10 ** (2 - place) % 10 + ord("0")
    tail[exponent < 100, 2] = 0
    tail[plain] = 0
    return cells


def _digits(written: Texts) -> tuple[Bytes, Ints, Ints]:
    """Significant digits (padded with '0'), how many there are, and the power of ten of the first."""
    width = max(int(written.length.max(initial=1)), 1)
    column = np.arange(width)
    inside = column < written.length[:, None]
    cells = np.where(inside, written.data[np.where(inside, written.start[:, None] + column, 0)], 0)
    end = _first(cells == ord("e"), written.length)
    point = np.minimum(_first(cells == ord("."), written.length), end)
    digit = (cells >= ord("0")) & (cells <= ord("9")) & (column < end[:, None])
    telling = digit & (cells != ord("0"))
    first = _first(telling, end - 1)
    last = width - 1 - _first(telling[:, ::-1], width - end)
    significant = digit & (column >= first[:, None]) & (column <= last[:, None])
    count = np.count_nonzero(significant, axis=1)
    found = np.full((len(cells), _MOST_DIGITS), ord("0"), np.uint8)
    row, _ = np.nonzero(significant)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    found[row, place] = cells[significant]
    power = point - first - (first < point) + _exponents(cells, end, column)
    return found, count, np.where(telling.any(axis=1), power, 0)


def _exponents(cells: Bytes, end: Ints, column: Ints) -> Ints:
    """What stands behind the 'e'; 0 where there is none."""
    behind = (column > end[:, None]) & (cells >= ord("0")) & (cells <= ord("9"))
    found = np.zeros(len(cells), np.int64)
    for place in range(cells.shape[1]):
        found = np.where(behind[:, place], 10 * found + cells[:, place] - ord("0"), found)
    minus = ((column > end[:, None]) & (cells == ord("-"))).any(axis=1)
    return np.where(minus, -found, found)


def _first(cells: npt.NDArray[np.bool_], none: "Ints | int") -> Ints:
    """The first true column of each row, or `none`."""
    return np.where(cells.any(axis=1), cells.argmax(axis=1), none)


def _without_tie(form: _Format, value: float) -> bytes:
    """Postgres' text of a large number: of the shortest that lie nearer to it than to another float, the nearest."""
    size = int(abs(value))
    below, above = (int(found) for found in _neighbours(form, float(size)))
    step = 10 ** len(str(size))
    while True:
        step //= 10
        floor = size // step * step
        inside = [number for number in (floor, floor + step) if size + below < 2 * number < size + above]
        if inside:
            nearest = min(inside, key=lambda number: (abs(number - size), number // step % 2))
            return _scientific(nearest, value < 0)


def _neighbours(form: _Format, size: float) -> tuple[float, float]:
    bits = struct.unpack(form.bits, struct.pack(form.layout, size))[0]
    below, above = (struct.unpack(form.layout, struct.pack(form.bits, bits + step))[0] for step in (-1, 1))
    return below, above if math.isfinite(above) else 2 * size - below


def _scientific(number: int, negative: bool) -> bytes:
    _, figures, _ = Decimal(number).as_tuple()
    power = len(figures) - 1
    first, rest = str(figures[0]), "".join(map(str, figures[1:])).rstrip("0")
    return f"{'-' if negative else ''}{first}{'.' if rest else ''}{rest}e+{power:02d}".encode()
