"""Features that meet: what one of them leaves, the other one has to find."""

import os
from pathlib import Path

import pytest

from ingestion.load.batch import read_batch
from ingestion.load.tail import Tail
from ingestion.log import LogReader, LogWriter
from ingestion.log.directory import want, wanted
from ingestion.postgres.pgoutput.records import MEMBERS, WAL, Members
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.test_arriving import Slow, slow

__all__ = ["slow"]


def oid_of(flux: Pipeline, table: str) -> int:
    return int(flux.at_source(f"select '{table}'::regclass::oid::bigint")[0][0])


def begun(database: str, home: Path, *more: str) -> Pipeline:
    flux = pipeline(database, home)
    flux.execute("create table t (id int primary key, n int)", "insert into t select i, 0 from generate_series(1, 9) i")
    flux.execute(*more)
    flux.replicate()
    return flux


def test_a_wish_whose_maker_was_killed_is_granted_by_one_copy(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux = begun(database, tmp_path)
    copies = flux.home / "log" / "copies"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "utime", killed)
        with pytest.raises(KeyboardInterrupt):
            want(copies, oid_of(flux, "t"), "killed before it had its number")
    flux.execute("update t set n = 1")
    flux.replicate()
    assert wanted(copies) == set()


def test_members_told_where_all_is_loaded_count_beside_an_arriving_transaction(slow: Slow, tmp_path: Path) -> None:
    last = next(n for n in reversed(range(len(slow.before))) if slow.before[n].mark and slow.before[n].kind == WAL)
    mark = slow.before[last].mark
    late = Slow(tmp_path / "late", slow.session, slow.before, slow.rest)
    late.write(slow.before[: last + 1])
    reader = LogReader(tmp_path / "late" / "log" / "postgres")
    loaded = read_batch(Tail(reader), None, 0, 0)
    assert loaded is not None
    while (batch := read_batch(Tail(reader), loaded.end, loaded.epoch, loaded.lsn)) is not None:
        loaded = batch
    assert loaded.lsn == mark
    with LogWriter.open(tmp_path / "late" / "log" / "postgres") as writer:
        writer.append(MEMBERS, [Members(frozenset({7}), {}).to_bytes()], mark)
    late.write(slow.before[last + 1 :])
    batch = read_batch(Tail(reader), loaded.end, loaded.epoch, loaded.lsn, arriving=lambda: False)
    assert batch is not None
    assert batch.arriving is not None
    assert batch.members == (mark, Members(frozenset({7}), {}))
