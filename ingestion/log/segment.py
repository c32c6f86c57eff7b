"""The bytes of a segment: a header, then blocks. Pure: bytes in, values out.

Segment file `<number, 16 digits>.seg`:

    magic "FLUXLOG1" | previous segment's number u64 | its durable length u64 | crc32 of the two u32 | pad u32

Block:

    magic u32 | kind u16 | version u16 | records u32 | crc32 of the header's other fields u32
    | payload bytes u64 | mark u64 | crc32 of lengths and payload u32 | pad u32
    | record lengths u32 * records | payload

Little-endian throughout. The header of a segment says how long its predecessor was, so that a reader can tell the
end of a segment from a tail that was lost. Lengths lie apart from the payload so that a reader gets them as one
numpy array and the records as one buffer.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ingestion.errors import LogCorruptError, LogNewerError

MAGIC: Final = b"FLUXLOG1"
BLOCK_MAGIC: Final = 0xF1B10C01
VERSION: Final = 1
SEGMENT_HEADER: Final = struct.Struct("<8sQQII")
BLOCK_HEADER: Final = struct.Struct("<IHHIIQQII")
# Bytes after the payload that a reader may touch: decoders gather 16 bytes at any value's start.
PADDING: Final = 32
MAX_BLOCK_BYTES: Final = 1 << 30


class LogPosition(NamedTuple):
    """A place in the log: segment number and byte offset in it. Ordered."""

    segment: int
    offset: int


class BlockHeader(NamedTuple):
    """What a block's fixed part says; `size` is the whole block in bytes."""

    kind: int
    records: int
    payload_bytes: int
    mark: int
    body_crc: int

    @property
    def size(self) -> int:
        return BLOCK_HEADER.size + 4 * self.records + self.payload_bytes


@dataclass(frozen=True, slots=True)
class Block:
    """Records of one kind that became durable together.

    `buffer` holds the payload, followed by PADDING zero bytes that belong to no record.
    """

    position: LogPosition
    end: LogPosition
    kind: int
    mark: int
    lengths: npt.NDArray[np.int64]
    buffer: bytearray

    @property
    def payload(self) -> memoryview:
        """The records' bytes, one after the other."""
        return memoryview(self.buffer)[: len(self.buffer) - PADDING]

    def records(self) -> list[memoryview]:
        """Cut the payload into its records. Costs a Python object each: not for a hot path."""
        view, ends = self.payload, np.cumsum(self.lengths)
        return [view[start:end] for start, end in zip((ends - self.lengths).tolist(), ends.tolist(), strict=True)]

    def __iter__(self) -> Iterator[memoryview]:
        return iter(self.records())


def segment_name(number: int) -> str:
    """Name the file of a segment."""
    return f"{number:016d}.seg"


def encode_segment_header(previous: int, previous_length: int) -> bytes:
    """Open a segment. `previous` is 0 for the first one."""
    crc = zlib.crc32(struct.pack("<QQ", previous, previous_length))
    return SEGMENT_HEADER.pack(MAGIC, previous, previous_length, crc, 0)


def decode_segment_header(raw: bytes, name: str) -> tuple[int, int]:
    """Return the predecessor's number and durable length in bytes. Raises LogCorruptError, LogNewerError."""
    if len(raw) < SEGMENT_HEADER.size:
        raise LogCorruptError(f"segment {name!r} has {len(raw)} bytes, fewer than its header")
    magic, previous, length, crc, _ = SEGMENT_HEADER.unpack_from(raw)
    if magic != MAGIC and magic.startswith(MAGIC[:-1]):
        raise _newer(f"segment {name!r} is of form {magic[-1:].decode(errors='replace')!r}")
    if magic != MAGIC or crc != zlib.crc32(struct.pack("<QQ", previous, length)):
        raise LogCorruptError(f"segment {name!r} does not begin with a valid header; restore it or re-copy the source")
    return previous, length


def encode_block(kind: int, records: Sequence[bytes | memoryview], mark: int = 0) -> tuple[bytes, bytes, bytes]:
    """Encode a block as (header, lengths, payload); the caller writes the three in a row."""
    lengths = np.fromiter(map(len, records), dtype="<u4", count=len(records)).tobytes()
    payload = b"".join(records)
    if len(payload) > MAX_BLOCK_BYTES:
        raise ValueError(f"block of {len(payload)} bytes is larger than {MAX_BLOCK_BYTES}; append it in parts")
    body_crc = zlib.crc32(payload, zlib.crc32(lengths))
    return _pack_header(kind, len(records), len(payload), mark, body_crc), lengths, payload


def decode_block_header(raw: bytes) -> BlockHeader | None:
    """Read a block's header; None where there is none (end of what was written). Raises LogNewerError."""
    if len(raw) < BLOCK_HEADER.size:
        return None
    magic, kind, version, records, crc, payload_bytes, mark, body_crc, _ = BLOCK_HEADER.unpack_from(raw)
    if magic != BLOCK_MAGIC or not crc:
        return None
    if raw[: BLOCK_HEADER.size] != _pack_header(kind, records, payload_bytes, mark, body_crc, version):
        return None
    if version > VERSION:  # whole, so it is no torn write
        raise _newer(f"a block of the log is of form {version}")
    if version != VERSION or payload_bytes > MAX_BLOCK_BYTES:
        return None
    return BlockHeader(kind, records, payload_bytes, mark, body_crc)


def decode_block_body(
    header: BlockHeader, lengths: bytes | bytearray, payload: memoryview
) -> npt.NDArray[np.int64] | None:
    """Check a block's body and return its record lengths; None where the bytes are not the block's."""
    if len(lengths) != 4 * header.records or len(payload) != header.payload_bytes:
        return None
    if zlib.crc32(payload, zlib.crc32(lengths)) != header.body_crc:
        return None
    decoded = np.frombuffer(lengths, dtype="<u4").astype(np.int64)
    return decoded if int(decoded.sum()) == header.payload_bytes else None


def _pack_header(
    kind: int, records: int, payload_bytes: int, mark: int, body_crc: int, version: int = VERSION
) -> bytes:
    crc = zlib.crc32(struct.pack("<HHIQQI", kind, version, records, payload_bytes, mark, body_crc)) or 1
    return BLOCK_HEADER.pack(BLOCK_MAGIC, kind, version, records, crc, payload_bytes, mark, body_crc, 0)


def _newer(what: str) -> LogNewerError:
    return LogNewerError(
        f"{what}, and this Flux knows {VERSION}: a newer one wrote it; run that one, nothing was changed"
    )
