import errno
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.errors import LogCorruptError, LogError, LogWriteError
from ingestion.log import LogReader, LogWriter
from ingestion.log.directory import log_bytes, segment_numbers
from ingestion.log.segment import segment_name

KIND = 7


def read(directory: Path) -> list[bytes]:
    return [bytes(record) for block in LogReader(directory).blocks() if block.kind == KIND for record in block]


@given(
    commits=st.lists(st.lists(st.lists(st.binary(max_size=40), max_size=5), max_size=3), max_size=6),
    segment_bytes=st.integers(1, 400),
)
@settings(max_examples=60, deadline=None)
def test_what_was_committed_is_read_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, commits: list[list[list[bytes]]], segment_bytes: int
) -> None:
    directory = tmp_path_factory.mktemp("log")
    with LogWriter.open(directory, segment_bytes=segment_bytes) as writer:
        for blocks in commits:
            for records in blocks:
                writer.append(KIND, records)
            writer.commit()
    assert read(directory) == [record for blocks in commits for records in blocks for record in records]


def test_a_reader_sees_only_what_was_committed(tmp_path: Path) -> None:
    writer = LogWriter.open(tmp_path)
    writer.append(KIND, [b"one"])
    writer.commit()
    writer.append(KIND, [b"two"])
    assert read(tmp_path) == [b"one"]
    writer.commit()
    assert read(tmp_path) == [b"one", b"two"]
    writer.close()


def test_a_reader_goes_on_from_a_remembered_position(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path, segment_bytes=1) as writer:
        for word in (b"a", b"b", b"c"):
            writer.append(KIND, [word])
            writer.commit()
    reader = LogReader(tmp_path)
    first = next(iter(reader.blocks()))
    assert [bytes(record) for block in reader.blocks(first.end) for record in block] == [b"b", b"c"]


@pytest.mark.parametrize("cut", [1, 7, 30, 51])
def test_a_torn_tail_is_cut_off_and_the_log_goes_on(tmp_path: Path, cut: int) -> None:
    with LogWriter.open(tmp_path) as writer:
        writer.append(KIND, [b"kept"])
        end = writer.commit()
        writer.append(KIND, [b"torn" * 3])
        writer.commit()
    path = tmp_path / segment_name(end.segment)
    os.truncate(path, path.stat().st_size - cut)
    (tmp_path / "durable").unlink()
    with LogWriter.open(tmp_path) as writer:
        writer.append(KIND, [b"next"])
    assert read(tmp_path) == [b"kept", b"next"]


def test_lost_acknowledged_bytes_stop_the_writer(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path) as writer:
        writer.append(KIND, [b"gone"])
        end = writer.commit()
    os.truncate(tmp_path / segment_name(end.segment), end.offset - 1)
    with pytest.raises(LogCorruptError, match="acknowledged"):
        LogWriter.open(tmp_path)


def test_a_changed_byte_is_noticed_by_the_reader(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path) as writer:
        writer.append(KIND, [b"right"])
        end = writer.commit()
    path = tmp_path / segment_name(end.segment)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(LogCorruptError, match="is damaged in segment"):
        read(tmp_path)


def test_a_missing_segment_is_noticed_by_the_reader(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path, segment_bytes=1) as writer:
        for word in (b"a", b"b", b"c"):
            writer.append(KIND, [word])
            writer.commit()
    (tmp_path / segment_name(segment_numbers(tmp_path)[1])).unlink()
    with pytest.raises(LogCorruptError, match="one is missing"):
        read(tmp_path)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path), pytest.raises(LogError, match="another process"):
        LogWriter.open(tmp_path)


def test_a_failed_commit_keeps_nothing_and_the_next_one_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LogWriter.open(tmp_path) as writer:
        writer.append(KIND, [b"first"])
        writer.commit()

        def fail(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fdatasync", fail)
        writer.append(KIND, [b"refused"])
        with pytest.raises(LogWriteError, match="No space left"):
            writer.commit()
        monkeypatch.undo()
        writer.append(KIND, [b"third"])
        writer.commit()
    assert read(tmp_path) == [b"first", b"third"]
    assert len(segment_numbers(tmp_path)) == 2


def test_each_segment_opens_with_the_preamble(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path, preamble=lambda: [(1, [b"schema"], 0)], segment_bytes=1) as writer:
        for word in (b"a", b"b"):
            writer.append(KIND, [word])
            writer.commit()
    first, second = segment_numbers(tmp_path)
    kinds = [(block.position.segment, block.kind) for block in LogReader(tmp_path).blocks()]
    assert kinds == [(first, 1), (first, KIND), (second, 1), (second, KIND)]


def test_the_last_mark_is_found_across_segments(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path, segment_bytes=1) as writer:
        for mark in (5, 9, 0):
            writer.append(KIND, [b"x"], mark)
            writer.commit()
    assert LogReader(tmp_path).last_mark() == 9


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from ingestion.log import LogWriter
        writer = LogWriter.open(Path(sys.argv[1]), segment_bytes=2000)
        number = 0
        while True:
            writer.append(7, [b"%d" % number] * 5)
            writer.commit()
            print(number, flush=True)
            number += 1
    """)
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(60)]
    process.kill()
    acknowledged += [int(line) for line in process.stdout.read().split()]
    process.wait()
    process.stdout.close()
    LogWriter.open(tmp_path).close()
    found = sorted({int(record) for record in read(tmp_path)})
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) <= len(acknowledged) + 1


def test_what_was_durable_before_its_note_counts_after_recovery(tmp_path: Path) -> None:
    with LogWriter.open(tmp_path) as writer:
        writer.append(KIND, [b"one"], 1)
        writer.commit()
        note = (tmp_path / "durable").read_bytes()
        writer.append(KIND, [b"two"], 2)
        writer.commit()
    (tmp_path / "durable").write_bytes(note)
    with LogWriter.open(tmp_path):
        assert LogReader(tmp_path).last_mark() == 2


def test_a_directory_that_goes_away_meanwhile_is_passed_over(tmp_path: Path) -> None:
    going, stop = tmp_path / "going", threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            going.mkdir()
            (going / "0000000000000001.seg").write_bytes(b"x")
            going.rename(tmp_path / "gone")
            shutil.rmtree(tmp_path / "gone")

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(3000):
            assert log_bytes(tmp_path) <= 2
            assert segment_numbers(going) in ([], [1])
    finally:
        stop.set()
        thread.join()
