"""A column of some rows as an Arrow array, whichever way the source sent each value."""

import numpy as np
import pyarrow as pa

from ingestion.errors import WireError
from ingestion.postgres.pgoutput.binary.codecs import codec
from ingestion.postgres.pgoutput.binary.texts import Texts, verbatim
from ingestion.postgres.pgoutput.relation import Column
from ingestion.postgres.pgoutput.tuples import BINARY, TEXT, Values, Wire


def column_text(wire: Wire, values: Values, column: Column) -> pa.Array:
    """Build a string_view array of the values' text. NULL and unchanged values are null.

    Values sent as text, and those whose binary form holds their text, are not copied. Raises WireError.
    """
    binary = values.kind == BINARY
    if not binary.any():
        return wire.text(values)
    decode = codec(column.type, column.kind)
    if decode is None:
        raise WireError(
            f"column {column.name!r} of type {column.declared!r} was sent in a binary form that is not read"
        )
    if decode is verbatim:
        return wire.text(values)
    rows, plain = np.flatnonzero(binary), np.flatnonzero(values.kind == TEXT)
    try:
        decoded = decode(wire, values.start[rows], values.length[rows])
    except WireError as error:
        raise WireError(f"column {column.name!r} of type {column.declared!r}: {error}") from error
    views = np.zeros((len(values.kind), 4), "<u4")
    views[plain] = Texts(wire.bytes, values.start[plain], values.length[plain]).views(0)
    apart = decoded.data is not wire.bytes
    views[rows] = decoded.views(int(apart))
    nulls = len(values.kind) - len(rows) - len(plain)
    validity = pa.py_buffer(np.packbits(binary | (values.kind == TEXT), bitorder="little").tobytes())
    buffers = [validity if nulls else None, pa.py_buffer(views), pa.py_buffer(wire.raw)]
    if apart:
        buffers.append(pa.py_buffer(decoded.data))
    return pa.Array.from_buffers(pa.string_view(), len(values.kind), buffers, null_count=nulls)
