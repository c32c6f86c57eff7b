"""What a status says of the log it counts from where it stood before: nothing is walked through again and again."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.load.status import Waiting
from ingestion.log import LogPosition, LogReader, LogWriter
from ingestion.log.segment import segment_name

KIND = 3


def test_events_that_wait_are_counted_as_they_come_and_go(tmp_path: Path) -> None:
    chance, reader, waiting = random.Random(4), LogReader(tmp_path), Waiting()
    assert waiting.count(reader, None) == 0
    ends: list[LogPosition | None] = [None]
    loaded = 0
    with LogWriter.open(tmp_path, segment_bytes=500) as writer:
        for _ in range(80):
            for _ in range(chance.randint(0, 3)):
                writer.append(KIND, [b"event"] * chance.randint(1, 9))
                ends.append(writer.commit())
            loaded = chance.randint(loaded, len(ends) - 1)
            start = ends[loaded]
            assert waiting.count(reader, start) == Waiting().count(reader, start)
            if chance.random() < 0.2 and start is not None:
                for number in [number for number in reader.segments() if number < start.segment]:
                    (tmp_path / segment_name(number)).unlink()  # as retention does


def test_a_warehouse_that_was_put_back_has_more_that_waits(tmp_path: Path) -> None:
    waiting = Waiting()
    with LogWriter.open(tmp_path) as writer:
        ends = []
        for _ in range(5):
            writer.append(KIND, [b"event"])
            ends.append(writer.commit())
    assert [waiting.count(LogReader(tmp_path), end) for end in (ends[0], ends[3], ends[1], None)] == [4, 1, 3, 5]


@pytest.fixture
def headers(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many headers were read since the last time."""
    seen = [0]
    plain = LogReader.headers

    def counted(self: LogReader, start: LogPosition | None = None, *, end: LogPosition | None = None):  # type: ignore[no-untyped-def]
        for found in plain(self, start, end=end):
            seen[0] += 1
            yield found

    def taken() -> int:
        seen[0], found = 0, seen[0]
        return found

    monkeypatch.setattr(LogReader, "headers", counted)
    return taken


def test_a_backlog_is_walked_through_once(tmp_path: Path, headers: Callable[[], int]) -> None:
    reader, waiting = LogReader(tmp_path), Waiting()
    with LogWriter.open(tmp_path) as writer:
        ends = []
        for _ in range(100):
            writer.append(KIND, [b"event"])
            ends.append(writer.commit())
        assert (waiting.count(reader, ends[0]), headers()) == (99, 99)
        assert (waiting.count(reader, ends[4]), headers()) == (95, 4)
        writer.append(KIND, [b"event"])
        writer.commit()
        assert (waiting.count(reader, ends[4]), headers()) == (96, 1)


def test_the_last_mark_is_looked_for_from_where_it_matters(tmp_path: Path, headers: Callable[[], int]) -> None:
    reader = LogReader(tmp_path)
    with LogWriter.open(tmp_path) as writer:
        for mark in range(1, 101):
            writer.append(KIND, [b"x"], mark)
            at = writer.commit()
        assert reader.last_mark(at) == 0
        writer.append(KIND, [b"x"], 101)
        writer.append(KIND, [b"x"])
        writer.commit()
        headers()
        assert (reader.last_mark(at), headers()) == (101, 2)
        assert reader.last_mark() == 101
