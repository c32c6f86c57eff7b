"""Features that meet: what one of them leaves, the other one has to find."""

import os
from pathlib import Path

import pytest

from ingestion.log.directory import want, wanted
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.test_arriving import slow

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
