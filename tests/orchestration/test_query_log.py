"""What `flux query` notes of itself: who, when, which relations, for how long; never a query's text."""

from __future__ import annotations

import datetime as dt
import json
import stat
from pathlib import Path

import duckdb
import pytest

from orchestration import query_log
from orchestration.cli import main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    (tmp_path / "published").mkdir()
    with duckdb.connect(str(tmp_path / "published" / "warehouse.duckdb")) as warehouse:
        warehouse.execute("create schema marts; create table marts.dim_client as select 'secret' as client_name")
    return tmp_path


def lines(home: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (home / "logs" / "queries.jsonl").read_text().splitlines()]


def test_a_query_is_noted_without_its_text(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "select count(*) as n from marts.dim_client where client_name = 'secret'"]) == 0
    assert main(["query", "select secret from marts.dim_client"]) == 1
    capsys.readouterr()
    text = (home / "logs" / "queries.jsonl").read_text()
    assert "secret" not in text
    answered, refused = lines(home)
    assert (answered["answered"], answered["relations"]) == (True, ["marts.dim_client"])
    assert (refused["answered"], refused["relations"]) == (False, [])
    assert set(answered) == {"at", "user", "seconds", "answered", "relations"}
    assert stat.S_IMODE((home / "logs" / "queries.jsonl").stat().st_mode) == 0o600


def test_a_file_is_no_relation(home: Path) -> None:
    names = query_log.relations_of("select * from 'secret.csv', marts.dim_client, range(3)")
    assert names == ["marts.dim_client"]
    assert query_log.relations_of("create table marts.dim_client (a int)") == []


def test_a_log_that_cannot_be_written_costs_no_answer(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "logs").write_text("a file where the directory should be")
    assert main(["query", "select 1 as one", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"one": 1}]


def test_a_full_log_makes_room_and_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_log, "FULL_BYTES", 100)
    begun = dt.datetime(2026, 3, 11, 9, tzinfo=dt.UTC)
    assert query_log.read(tmp_path) is None
    for minute in range(2):
        query_log.note(tmp_path, sql="select 1", begun=begun + dt.timedelta(minutes=minute), seconds=0.1, answered=True)
    with (tmp_path / query_log.NAME).open("a") as file:
        file.write('{"at": "2026-03-11T09:')  # cut off by a crash
    found = query_log.read(tmp_path)
    assert found is not None
    assert [line.at.minute for line in found] == [0, 1]
    assert len(list(tmp_path.iterdir())) == 2
