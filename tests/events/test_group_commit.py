import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

from ingestion.events.collector.group_commit import BufferFullError, GroupCommit, NotDurableError
from ingestion.log import LogReader, LogWriter


def read(log: Path) -> list[bytes]:
    return [bytes(record) for block in LogReader(log).blocks() for record in block]


def test_what_was_submitted_is_durable_when_submit_returns(tmp_path: Path) -> None:
    async def submit() -> None:
        for number in range(5):
            await commit.submit([b"%d" % number])
            assert read(tmp_path)[-1] == b"%d" % number

    commit = GroupCommit(LogWriter.open(tmp_path), 1_000)
    asyncio.run(submit())
    commit.close()


def test_many_requests_share_few_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = []
    sync = os.fdatasync

    def counted(descriptor: int) -> None:
        syncs.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)

    async def submit() -> None:
        await asyncio.gather(*(commit.submit([b"%d" % number]) for number in range(200)))

    commit = GroupCommit(LogWriter.open(tmp_path), 1 << 20)
    asyncio.run(submit())
    commit.close()
    assert sorted(read(tmp_path), key=int) == [b"%d" % number for number in range(200)]
    assert len(syncs) < 50


def test_a_failed_commit_fails_its_requests_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fdatasync

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    async def submit() -> None:
        await commit.submit([b"before"])
        monkeypatch.setattr(os, "fdatasync", full)
        with pytest.raises(NotDurableError):
            await commit.submit([b"lost"])
        assert not commit.is_healthy
        monkeypatch.setattr(os, "fdatasync", sync)
        await commit.submit([b"after"])
        assert commit.is_healthy

    commit = GroupCommit(LogWriter.open(tmp_path), 1_000)
    asyncio.run(submit())
    commit.close()
    assert read(tmp_path) == [b"before", b"after"]


def test_a_full_buffer_refuses_what_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, entered, go_on = os.fdatasync, threading.Event(), threading.Event()

    def slow(descriptor: int) -> None:
        entered.set()
        assert go_on.wait(20)
        sync(descriptor)

    async def submit() -> None:
        first = asyncio.create_task(commit.submit([b"x" * 5_000]))  # alone it may be larger than the limit
        await asyncio.to_thread(entered.wait)
        second = asyncio.create_task(commit.submit([b"y"]))
        await asyncio.sleep(0)
        with pytest.raises(BufferFullError):
            await commit.submit([b"z"])
        go_on.set()
        await asyncio.gather(first, second)
        await commit.submit([b"z"])

    writer = LogWriter.open(tmp_path)
    monkeypatch.setattr(os, "fdatasync", slow)
    commit = GroupCommit(writer, 1_000)
    asyncio.run(submit())
    commit.close()
    assert read(tmp_path) == [b"x" * 5_000, b"y", b"z"]


def test_closing_makes_the_rest_durable_and_takes_no_more(tmp_path: Path) -> None:
    async def submit() -> None:
        waiting = asyncio.create_task(commit.submit([b"last"]))
        await asyncio.sleep(0)
        commit.close()
        await waiting
        with pytest.raises(NotDurableError):
            await commit.submit([b"too late"])

    commit = GroupCommit(LogWriter.open(tmp_path), 1_000)
    asyncio.run(submit())
    assert read(tmp_path) == [b"last"]
