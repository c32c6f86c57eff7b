"""Read a log: durable blocks, in order, from any position that a reader remembered."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestion.errors import LogCorruptError
from ingestion.log.directory import read_durable, segment_numbers
from ingestion.log.segment import (
    BLOCK_HEADER,
    PADDING,
    SEGMENT_HEADER,
    Block,
    BlockHeader,
    LogPosition,
    decode_block_body,
    decode_block_header,
    decode_segment_header,
    segment_name,
)


@dataclass(frozen=True, slots=True)
class LogReader:
    """Reader of one log's directory. Holds no state: a position is all that a consumer must remember."""

    directory: Path

    def durable_end(self) -> LogPosition | None:
        """Return the position up to which the log may be read; None while nothing was committed."""
        return read_durable(self.directory)

    def segments(self) -> list[int]:
        """Numbers of the segments, oldest first."""
        return segment_numbers(self.directory)

    def start(self) -> LogPosition | None:
        """Return the oldest position that the log still holds."""
        numbers = segment_numbers(self.directory)
        return LogPosition(numbers[0], SEGMENT_HEADER.size) if numbers else None

    def is_first(self, number: int) -> bool:
        """Whether nothing was ever written before this segment."""
        name = segment_name(number)
        with (self.directory / name).open("rb") as file:
            return decode_segment_header(file.read(SEGMENT_HEADER.size), name)[0] == 0

    def holds(self, at: LogPosition) -> bool:
        """Whether this log reaches back to a remembered position; not so after a loss, or for another log."""
        try:
            return (self.directory / segment_name(at.segment)).stat().st_size >= at.offset
        except FileNotFoundError:
            return False

    def has_border(self, at: LogPosition) -> bool:
        """Whether a block of this log ends there: not so in one that was put back and went on otherwise."""
        try:
            for _ in self.headers(LogPosition(at.segment, SEGMENT_HEADER.size), end=at):
                continue
        except LogCorruptError:
            return False
        return True

    def last_mark(self, since: LogPosition | None = None) -> int:
        """Return the last block's mark that is not 0; 0 when no block has one, or none from `since` on.

        Reads headers, newest segment first.
        """
        durable = self.durable_end()
        numbers = [number for number in segment_numbers(self.directory) if durable and number <= durable.segment]
        while numbers and durable is not None and (since is None or numbers[-1] >= since.segment):
            start = LogPosition(numbers.pop(), SEGMENT_HEADER.size)
            first = start if since is None or since.segment < start.segment else since
            marks = [header.mark for _, header in self.headers(first, end=durable) if header.mark]
            if marks:
                return marks[-1]
            durable = LogPosition(start.segment, 0)
        return 0

    def blocks(self, start: LogPosition | None = None, *, end: LogPosition | None = None) -> Iterator[Block]:
        """Yield the durable blocks from `start` (a block's border; None: the oldest) on. Raises LogCorruptError."""
        for position, header in self.headers(start, end=end):
            yield self.read(position, header)

    def headers(
        self, start: LogPosition | None = None, *, end: LogPosition | None = None
    ) -> Iterator[tuple[LogPosition, BlockHeader]]:
        """Yield position and header of each durable block: cheap, the payload is not read."""
        durable = end or self.durable_end()
        numbers = segment_numbers(self.directory)
        if durable is None or not numbers:
            return
        first = start or LogPosition(numbers[0], SEGMENT_HEADER.size)
        if first.segment not in numbers:
            raise LogCorruptError(
                f"log {str(self.directory)!r} holds segments {numbers[0]} to {numbers[-1]}, a reader needs "
                f"{first.segment}: it was lost and begun anew; start the reader again, and what is missing is copied"
            )
        for index, number in enumerate(numbers):
            if number < first.segment or number > durable.segment:
                continue
            length = durable.offset if number == durable.segment else self._length(numbers[index + 1], number)
            offset = first.offset if number == first.segment else SEGMENT_HEADER.size
            yield from self._segment(number, offset, length)

    def read(self, position: LogPosition, header: BlockHeader) -> Block:
        """Read one block whose header is known."""
        with (self.directory / segment_name(position.segment)).open("rb") as file:
            lengths, buffer = bytearray(4 * header.records), bytearray(header.payload_bytes + PADDING)
            payload = memoryview(buffer)[: header.payload_bytes]
            count = os.preadv(file.fileno(), [lengths, payload], position.offset + BLOCK_HEADER.size)
        decoded = decode_block_body(header, lengths, payload) if count == len(lengths) + len(payload) else None
        if decoded is None:
            raise _corrupt(self.directory, position)
        end = LogPosition(position.segment, position.offset + header.size)
        return Block(position, end, header.kind, header.mark, decoded, buffer)

    def _segment(self, number: int, offset: int, length: int) -> Iterator[tuple[LogPosition, BlockHeader]]:
        if offset >= length:
            return
        with (self.directory / segment_name(number)).open("rb") as file:
            while offset < length:
                header = decode_block_header(os.pread(file.fileno(), BLOCK_HEADER.size, offset))
                if header is None or offset + header.size > length:
                    raise _corrupt(self.directory, LogPosition(number, offset))
                yield LogPosition(number, offset), header
                offset += header.size

    def _length(self, following: int, number: int) -> int:
        """How long a segment is says its successor: what lies beyond was never acknowledged."""
        name = segment_name(following)
        with (self.directory / name).open("rb") as file:
            previous, length = decode_segment_header(file.read(SEGMENT_HEADER.size), name)
        if previous != number:
            raise LogCorruptError(f"segment {name!r} follows {previous}, but {number} lies before it: one is missing")
        return length


def _corrupt(directory: Path, position: LogPosition) -> LogCorruptError:
    return LogCorruptError(
        f"log {directory.name!r} is damaged in segment {position.segment} at byte {position.offset}; "
        "restore the file, or re-copy the source ('flux replicate' after moving the log away)"
    )
