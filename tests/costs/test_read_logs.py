"""The logs of readings, added up by day: people's queries, cards of pages, training sets."""

from __future__ import annotations

import datetime as dt
import json
import stat
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from dashboards.compile import Query
from dashboards.usage import Asked
from orchestration import query_log
from orchestration.costs import read_log
from orchestration.costs.gathering import gather
from orchestration.costs.metered import Meter
from orchestration.costs.read_log import CARD, DATASET, Reading
from orchestration.models.scanned import scanned_bytes
from orchestration.settings import Settings
from orchestration.walk import sites
from orchestration.warehouse import Warehouse

DAY = dt.datetime(2026, 3, 1, 23, 59, tzinfo=dt.UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_queries_count_by_day_relation_and_reader(settings: Settings) -> None:
    for minutes, answered in ((0, True), (2, True), (3, True), (4, False)):
        query_log.note(
            settings.logs_directory,
            sql="select 1 from marts.dim_client, marts.fct_moves",
            begun=DAY + dt.timedelta(minutes=minutes),
            seconds=0.5,
            answered=answered,
        )
    path = settings.logs_directory / query_log.NAME
    path.write_text(path.read_text() + '{"at": "2026-03-01T')  # cut off by a crash
    elsewhere = [
        Asked("Ada L", DAY, 1.5, True, ["marts.dim_client"]),
        Asked("Ada L", DAY, 1.5, False, ["marts.dim_client"]),
    ]
    found = gather(settings, elsewhere).reads.sort_by([("read_on", "ascending"), ("reader", "ascending")]).to_pylist()
    user = query_log.read(settings.logs_directory)
    assert user is not None
    assert [
        (row["read_on"].day, row["relation"], row["kind"], row["reader"], row["read_count"], row["seconds"])
        for row in found
        if row["relation"] == "marts.dim_client"
    ] == [(1, "marts.dim_client", "person", "Ada L", 1, 1.5)] * 1 + [
        (1, "marts.dim_client", "person", user[0].user, 1, 0.5),
        (2, "marts.dim_client", "person", user[0].user, 2, 1.0),
    ]


def test_cards_and_training_sets_are_runs_and_readers(settings: Settings) -> None:
    card = Reading(CARD, "overview.hires", "overview", 0.25, True, 7, 800, ["marts.fct_moves"])
    refused = Reading(CARD, "overview.hires", "overview", 0.5, False, 0, None, ["marts.fct_moves"])
    pull = Reading(DATASET, "match", "match", 9.0, True, 100, None, ["ml.ml_match_examples_v2"])
    read_log.note(settings.logs_directory, [card, refused])
    read_log.note(settings.logs_directory, [pull])
    assert stat.S_IMODE((settings.logs_directory / read_log.NAME).stat().st_mode) == 0o600
    found = gather(settings)
    runs = {row["name"]: row for row in found.runs.to_pylist()}
    hires = runs["overview.hires"]
    assert (hires["kind"], hires["subject"], hires["run_count"], hires["failed_count"]) == ("card", "overview", 2, 1)
    assert (hires["seconds"], hires["longest_seconds"], hires["scanned_bytes"]) == (0.75, 0.5, 800)
    assert (runs["match"]["kind"], runs["match"]["row_count"]) == ("dataset", 100)
    reads = {(row["kind"], row["reader"], row["relation"], row["read_count"]) for row in found.reads.to_pylist()}
    assert reads == {
        ("card", "overview", "marts.fct_moves", 1),
        ("dataset", "match", "ml.ml_match_examples_v2", 1),
    }


def test_full_log_makes_room_and_is_still_read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_log, "FULL_BYTES", 100)
    pull = Reading(DATASET, "match", "match", 9.0, True, 100, None, ["ml.ml_match_examples_v2"])
    for _ in range(2):
        read_log.note(settings.logs_directory, [pull])
    assert len(list(settings.logs_directory.iterdir())) == 2
    assert gather(settings).reads["read_count"].to_pylist() == [2]


def test_a_card_is_metered_with_what_it_scanned(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as file:
        file.execute("create schema marts; create table marts.t as select range as a, range as b from range(10000)")
    definitions = sites.definitions()
    first = definitions.dashboards[0]
    card = next(iter(first.cards.values()))
    meter = Meter()
    sql = "select sum(a) as total from marts.t"
    with Warehouse.open(path) as warehouse:
        metered = meter.on(warehouse)
        metered.arrow(sql)
        with pytest.raises(duckdb.CatalogException):
            metered.arrow("select 1 from marts.nothing")
    (reading,) = meter.readings(
        definitions.of("leadership"), dict.fromkeys(definitions.sql, Query(sql, (), ("marts.t",)))
    )
    assert (reading.name, reading.reader) == (f"{first.key}.{card.key}", first.key)
    # Eight bytes of each row of one column: the other one is not read.
    assert (reading.rows, reading.scanned_bytes, reading.answered) == (1, 80_000, True)
    assert not meter.ran[sql]


def test_scans_of_a_profile_add_up_and_other_operators_do_not_count() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table t as select range as a, range::varchar as b from range(1000)")
        connection.execute("create table u as select range::integer as a from range(500)")
        connection.execute("set enable_profiling = 'no_output'")
        connection.execute("set profiling_coverage = 'ALL'")

        def scanned(sql: str) -> int:
            connection.execute(sql).fetchall()
            return scanned_bytes(connection.get_profiling_information("json"))

        assert scanned("select sum(a) from t") == 8000
        assert scanned("create table made as select t.a from t inner join u on t.a = u.a") == 8000 + 2000
        assert scanned("select sum(range) from range(1000)") == 0
        assert scanned("select a from t where a < 0") == 0


def test_lines_of_the_log_hold_no_text_of_a_query(settings: Settings) -> None:
    read_log.note(settings.logs_directory, [Reading(CARD, "a.b", "a", 0.1, True, 1, None, ["marts.t"])])
    (line,) = (settings.logs_directory / read_log.NAME).read_text().splitlines()
    assert set(json.loads(line)) == {
        *("at", "kind", "name", "reader", "seconds", "answered", "rows", "bytes", "relations")
    }
    assert isinstance(gather(settings).runs, pa.Table)
