"""The newest records of a log of events, and those that come: read beside writer and loader, in nobody's way."""

import threading
from collections.abc import Callable, Iterator
from typing import Final

from ingestion.errors import LogCorruptError
from ingestion.events.record import KIND_EVENTS
from ingestion.log import Block, LogPosition, LogReader
from ingestion.log.segment import SEGMENT_HEADER

_POLL_SECONDS: Final = 0.2

Placed = tuple[str, memoryview]
"""A record with its place, `segment/offset#number`."""


def placed(block: Block) -> Iterator[Placed]:
    """Yield the records of a block, each with its place."""
    at = f"{block.position.segment}/{block.position.offset}"
    return ((f"{at}#{number}", record) for number, record in enumerate(block.records()))


def newest(reader: LogReader, end: LogPosition, most: int, wanted: Callable[[memoryview], bool]) -> list[Placed]:
    """Return the last wanted records before `end`, at most so many, oldest first. Reads backwards from there."""
    found: list[Placed] = []
    for number in reversed([number for number in reader.segments() if number <= end.segment and most]):
        first = LogPosition(number, SEGMENT_HEADER.size)
        headers = []
        for position, header in reader.headers(first, end=end):
            if position.segment != number:
                break
            headers.append((position, header))
        for position, header in reversed(headers):
            if header.kind != KIND_EVENTS:
                continue
            block = list(placed(reader.read(position, header)))
            found.extend(item for item in reversed(block) if wanted(item[1]))
            if len(found) >= most:
                return found[:most][::-1]
    return found[::-1]


def follow(
    reader: LogReader, start: LogPosition | None, wanted: Callable[[memoryview], bool], stop: threading.Event
) -> Iterator[Placed]:
    """Yield the wanted records from a place on as they become durable, until `stop` is set."""
    while not stop.is_set():
        end = reader.durable_end()
        if end is not None and end != start:
            try:
                for block in reader.blocks(start, end=end):
                    if stop.is_set():
                        return
                    start = block.end
                    if block.kind == KIND_EVENTS:
                        yield from (item for item in placed(block) if wanted(item[1]))
            except LogCorruptError:
                if start is not None and reader.holds(start):
                    raise
                start = None  # begun anew, or shortened beyond where we were
            continue
        stop.wait(_POLL_SECONDS)
