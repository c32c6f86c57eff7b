"""The reading connection: Arrow out, values bound, nothing written."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import FluxError
from orchestration.spill import spill
from orchestration.warehouse import Warehouse


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "create table t as select 1 as id, 'it''s 12:30' as name, timestamptz '2026-01-02 03:04+00' as made_at"
        )
    return file


def test_values_are_bound_by_name_and_casts_are_left_alone(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        rows = warehouse.arrow("select id::bigint as id from t where name = :name", {"name": "it's 12:30"}).to_pylist()
    assert rows == [{"id": 1}]


def test_text_without_parameters_goes_untouched(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        assert warehouse.arrow("select ':x' as a, '%s' as b").to_pylist() == [{"a": ":x", "b": "%s"}]


def test_times_come_in_utc(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        (row,) = warehouse.arrow("select made_at, made_at::varchar as text from t").to_pylist()
    assert row["made_at"] == dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)
    assert row["text"] == "2026-01-02 03:04:00+00"


def test_nothing_can_be_written(path: Path) -> None:
    with Warehouse.open(path) as warehouse, pytest.raises(duckdb.Error, match="read-only"):
        warehouse.arrow("create table u as select 1")


def test_file_is_closed_with_the_connection(path: Path) -> None:
    with Warehouse.open(path) as warehouse:
        warehouse.arrow("from t")
    with duckdb.connect(str(path)) as connection:  # another configuration would be refused while it is open
        connection.execute("insert into t select 2, 'x', now()")


def test_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FluxError, match=r"nothing is published at .*; run 'flux demo'"):
        Warehouse.open(tmp_path / "none.duckdb")


def test_bounded_reader_sorts_more_than_its_memory_beside_another_one(path: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table wide as select i, repeat(md5(i::varchar), 12) as text from range(200_000) as n (i)"
        )
    place = spill(tmp_path / "spill")
    with Warehouse.open(path) as first, Warehouse.open(path) as second:
        for warehouse in (first, second):
            warehouse.bound(80 << 20, place)
        second.arrow("set threads = 1")
        batches = second.arrow_batches("select i, text from wide order by text desc, i")
        read = next(batches).num_rows
        assert [file for file in place.iterdir() if file.name.startswith("duckdb_temp")]
        read += sum(batch.num_rows for batch in batches)
    assert read == 200_000
    assert not list(place.iterdir())


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from orchestration.spill import spill;"
        " (spill(Path(sys.argv[1])) / 'file').touch(); print('made', flush=True); sys.stdin.read()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"made\n"
        first, _ = processes
        first.kill()
        first.wait()
        mine = spill(tmp_path)
        assert mine == spill(tmp_path)
        assert len(list(tmp_path.iterdir())) == 2
    finally:
        for process in processes:
            process.kill()
            process.communicate()
