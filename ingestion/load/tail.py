"""Read on in a log of changes, again and again from further on."""

from collections.abc import Iterator
from typing import NamedTuple

from ingestion.log import LogPosition, LogReader
from ingestion.log.segment import SEGMENT_HEADER, BlockHeader
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.records import RELATION, SESSION, Session


class Found(NamedTuple):
    """A block of the log: what a session's or relations' block says is read, of others the header alone."""

    position: LogPosition
    header: BlockHeader
    session: Session | None = None
    relations: tuple[Relation, ...] = ()

    @property
    def end(self) -> LogPosition:
        """Where the next block begins, if it is in the same segment."""
        return LogPosition(self.position.segment, self.position.offset + self.header.size)


class Tail:
    """One reader of a log. What a segment says of sessions and relations is kept: a poll reads only what is new."""

    def __init__(self, reader: LogReader) -> None:
        self.reader = reader
        self._known: list[Found] = []
        self._seen = LogPosition(0, 0)

    def blocks(self, start: LogPosition | None) -> Iterator[Found]:
        """Blocks from `start` on (None: the log's begin), preceded by the sessions and relations of its segment."""
        if start is not None:
            self._look_back(start)
            yield from self._known
        for position, header in self.reader.headers(start):
            yield self.found(position, header)

    def _look_back(self, start: LogPosition) -> None:
        if start.segment != self._seen.segment or start < self._seen:
            self._known, self._seen = [], LogPosition(start.segment, SEGMENT_HEADER.size)
        if self._seen < start:
            passed = self.reader.headers(self._seen, end=start)
            self._known += [self.found(*block) for block in passed if block[1].kind in (SESSION, RELATION)]
            self._seen = start

    def found(self, position: LogPosition, header: BlockHeader) -> Found:
        """Read what a block says of sessions and relations."""
        if header.kind == SESSION:
            return Found(position, header, Session.from_bytes(self.reader.read(position, header).payload))
        if header.kind == RELATION:
            relations = (Relation.from_bytes(raw) for raw in self.reader.read(position, header))
            return Found(position, header, relations=tuple(relations))
        return Found(position, header)
