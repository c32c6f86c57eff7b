from pathlib import Path
from typing import Any  # Any: rows

import duckdb
import pyarrow as pa
import pytest

from ingestion.errors import LoadError
from ingestion.events.naming import fitted
from ingestion.events.record import Origin
from ingestion.events.tracking_plan import parse_tracking_plan
from ingestion.load.events import EventLoader, load_events
from ingestion.log import LogReader, LogWriter
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from tests.events.calls import RECEIVED, load, track, write

PLAN = """
version: 1
common: {client_id: integer}
identify: {traits: {plan: string}}
events:
  Item Sold: {properties: {price: number, note: string}}
"""


KINDS = {"BIGINT": "int8", "DOUBLE": "float8", "VARCHAR": "text", "TIMESTAMP WITH TIME ZONE": "timestamptz"}


def ask(destination: Destination, sql: str) -> list[tuple[Any, ...]]:
    return destination.machinery.session.execute(sql)


def types(destination: Destination, table: str) -> dict[str, str]:
    """A table's columns with their types, whatever the engine calls them."""
    found = destination.machinery.session.columns(*table.split("."))
    return {name: KINDS.get(kind, kind) for name, kind in found.items()}


def test_planned_tables_are_there_before_any_event(tmp_path: Path, destination: Destination) -> None:
    plan = parse_tracking_plan(PLAN)
    assert load_events(destination, LogReader(tmp_path / "nothing"), plan).accepted == 0
    found = types(destination, "raw_segment.item_sold")
    assert (found["price"], found["client_id"], found["note"]) == ("float8", "int8", "text")
    assert found["uuid_ts"] == found["timestamp"] == "timestamptz"
    tables = {
        row[0]
        for row in ask(
            destination, "select table_name from information_schema.tables where table_schema = 'raw_segment'"
        )
    }
    assert tables == {"tracks", "identifies", "users", "pages", "screens", "groups", "aliases", "item_sold"}
    assert ask(destination, "select consumer, segment from _flux.positions") == [("events", None)]


def test_a_plan_that_grew_adds_its_columns_and_narrows_none(tmp_path: Path, destination: Destination) -> None:
    write(tmp_path, [track("Item Sold", properties={"price": "dear"})])
    load(destination, tmp_path)
    load(destination, tmp_path, plan=parse_tracking_plan(PLAN))
    grown = parse_tracking_plan(PLAN.replace("note: string", "note: string, size: integer"))
    load(destination, tmp_path, plan=grown)
    found = types(destination, "raw_segment.item_sold")
    assert (found["price"], found["size"]) == ("text", "int8")


def test_events_land_once_however_often_they_come(tmp_path: Path, destination: Destination) -> None:
    calls = [track(messageId=str(number)) for number in range(5)]
    write(tmp_path, calls, calls[:3], [*calls, track(messageId="new")])
    report = load(destination, tmp_path, limit_events=1)
    assert (report.accepted, report.loaded, report.duplicates) == (14, 6, 8)
    assert ask(destination, "select count(*), count(distinct id) from raw_segment.tracks") == [(6, 6)]
    assert load(destination, tmp_path).accepted == 0


def test_sources_are_kept_apart(tmp_path: Path, destination: Destination) -> None:
    write(tmp_path, [track()])
    write(tmp_path, [track(), 5], origin=Origin(RECEIVED, "mobile"))
    report = load(destination, tmp_path)
    assert (report.loaded, report.quarantined) == (2, 1)
    assert ask(destination, "select count(*) from raw_segment__mobile.thing_done") == [(1,)]
    ledger = "select source, accepted, loaded, duplicates, quarantined from _flux.segments order by source"
    assert ask(destination, ledger) == [("default", 1, 1, 0, 0), ("mobile", 2, 1, 0, 1)]


def test_quarantine_keeps_bytes_reason_and_place(tmp_path: Path, destination: Destination) -> None:
    write(tmp_path, [track()], [track(messageId="2"), {"type": "x", "secret": 1}])
    load(destination, tmp_path)
    ((consumer, source, position, reason, raw),) = ask(
        destination, "select consumer, source, position, reason, raw from _flux.quarantine"
    )
    assert (consumer, source, reason[:15]) == ("events", "default", "type is not one")
    assert b'"secret": 1' in bytes(raw)
    second = list(LogReader(tmp_path).blocks())[1]
    assert position == f"{second.position.segment}/{second.position.offset}#1"


def test_a_column_widens_in_place_and_no_value_changes(tmp_path: Path, destination: Destination) -> None:
    exact = 2**53 + 1
    batches: list[list[dict[str, object]]] = [
        [track(messageId="1", properties={"a": True, "b": 1, "c": exact, "due": "2026-01-01T12:00:00+02:00"})],
        [track(messageId="2", properties={"a": 2, "b": 1.5, "c": 0.5, "due": "soon"})],
        [track(messageId="3", properties={"a": "x", "b": 2, "c": 7, "due": "2026-01-01T12:00:00Z"})],
    ]
    for batch in batches:
        write(tmp_path, batch)
        load(destination, tmp_path)
    assert ask(destination, "select a, b, c, due from raw_segment.thing_done order by id") == [
        ("1", 1.0, str(exact), "2026-01-01T10:00:00.000000Z"),
        ("2", 1.5, "0.5", "soon"),
        ("x", 2.0, "7", "2026-01-01T12:00:00Z"),
    ]


def test_a_profile_has_the_latest_value_of_each_trait_in_whatever_order_calls_come(
    tmp_path: Path, destination: Destination
) -> None:
    def identify(number: int, at: str, **traits: object) -> dict[str, object]:
        return {"type": "identify", "userId": "u", "messageId": str(number), "timestamp": at, "traits": traits}

    newest = identify(1, "2026-03-01T00:00:00Z", plan="pro", seats=5)
    older = identify(2, "2026-02-01T00:00:00Z", plan="free", city="Bern")
    oldest = identify(3, "2026-01-01T00:00:00Z", city="Rome", seats=1, age=30)
    nobody = {"type": "identify", "anonymousId": "a", "messageId": "4", "traits": {"plan": "x"}}
    for batch in ([newest], [oldest, nobody], [older], [oldest]):
        write(tmp_path, batch)
        load(destination, tmp_path)
    profile = "select id, plan, seats, city, age from raw_segment.users"
    assert ask(destination, profile) == [("u", "pro", 5, "Bern", 30)]


def test_a_profile_needs_no_calls_but_those_of_the_batch(tmp_path: Path, destination: Destination) -> None:
    def identify(number: int, at: str, **traits: object) -> dict[str, object]:
        return {"type": "identify", "userId": "u", "messageId": str(number), "timestamp": at, "traits": traits}

    write(tmp_path, [identify(1, "2026-03-01T00:00:00Z", plan="pro")])
    load(destination, tmp_path)
    ask(destination, "delete from raw_segment.identifies")  # as a retention would
    write(tmp_path, [identify(2, "2026-02-01T00:00:00Z", plan="free", city="Bern")])
    load(destination, tmp_path)
    assert ask(destination, "select plan, city from raw_segment.users") == [("pro", "Bern")]
    assert ask(destination, "select plan from raw_segment._trait_times") == [
        ("2026-03-01 00:00:00.000000 2026-11-23 05:44:00.000000 1",)
    ]


def test_a_profile_widens_with_its_traits(tmp_path: Path, destination: Destination) -> None:
    for number, score in enumerate((1, 2.5, "high")):
        call = {"type": "identify", "userId": f"u{number}", "messageId": str(number), "traits": {"score": score}}
        write(tmp_path, [call])
        load(destination, tmp_path)
    assert ask(destination, "select score from raw_segment.users order by id") == [("1.0",), ("2.5",), ("high",)]


@pytest.mark.parametrize("step", ["evolve", "remember_ids", "insert_rows", "update_users", "quarantine", "write_ledger",
                                  "write_position"])  # fmt: skip
def test_a_failure_at_any_step_leaves_nothing_and_the_next_run_is_whole(
    tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    identify = {"type": "identify", "userId": "u", "messageId": "i", "traits": {"plan": "pro"}}
    write(tmp_path, [track(messageId="1")])
    load(destination, tmp_path)
    write(tmp_path, [track(messageId="1"), track(messageId="2", properties={"x": 1}), identify, 5])
    engine = type(destination.events)
    done = getattr(engine, step)

    def fail(*arguments: Any, **named: Any) -> None:
        done(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine, step, fail)
        with pytest.raises(KeyboardInterrupt):
            load(destination, tmp_path)
    assert ask(destination, "select count(*) from raw_segment.tracks") == [(1,)]
    assert "x" not in types(destination, "raw_segment.thing_done")
    report = load(destination, tmp_path)
    assert (report.accepted, report.loaded, report.duplicates, report.quarantined) == (4, 2, 1, 1)
    assert ask(destination, "select sum(accepted), sum(loaded) from _flux.segments") == [(5, 3)]


def test_a_ledger_that_does_not_add_up_stops_the_load(
    tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, [track()])
    monkeypatch.setattr(type(destination.events), "insert_rows", lambda *arguments: 0)
    with pytest.raises(LoadError, match="made 0;"):
        load(destination, tmp_path)
    assert not types(destination, "raw_segment.thing_done")


def test_inserts_that_fail_change_nothing_for_what_comes_after_them() -> None:
    with duckdb.connect(config={"threads": 3}) as connection:
        events = DuckdbDestination(connection).events
        connection.execute("begin")
        with pytest.raises(duckdb.CatalogException), events.inserting():
            connection.execute("insert into nowhere values (1)")
        connection.execute("rollback")
        events.ensure()
        assert connection.execute("select current_setting('threads')").fetchall() == [(3,)]
        ((_, plan),) = connection.execute("explain select 1 where false").fetchall()
        assert "Empty Result" in plan  # which the optimizer finds


def test_blocks_of_another_kind_are_passed_over(tmp_path: Path, destination: Destination) -> None:
    with LogWriter.open(tmp_path) as writer:
        writer.append(99, [b"not ours"])
        writer.commit()
    assert load_events(destination, LogReader(tmp_path), None).accepted == 0
    end = LogReader(tmp_path).durable_end()
    assert end is not None
    assert ask(destination, "select segment, segment_offset from _flux.positions") == [(end.segment, end.offset)]


def test_what_was_prepared_ahead_sees_the_columns_of_the_batch_before(tmp_path: Path, destination: Destination) -> None:
    values = [1, 2.5, "three", 4, None, 5]
    write(tmp_path, *([track(messageId=str(n), properties={"x": value})] for n, value in enumerate(values)))
    with EventLoader(destination, LogReader(tmp_path), None, limit_events=1) as loader:
        assert [loader.step().loaded for _ in values] == [1] * len(values)
        assert loader.step().accepted == 0
    assert ask(destination, "select x from raw_segment.thing_done order by id") == [
        ("1.0",), ("2.5",), ("three",), ("4",), (None,), ("5",),
    ]  # fmt: skip


def test_a_few_events_wait_as_each_step_looks_through_all_ids(tmp_path: Path, destination: Destination) -> None:
    write(tmp_path, [track()])
    with EventLoader(destination, LogReader(tmp_path), None) as loader:
        assert loader.due()
        loader.step()
        write(tmp_path, [track(messageId="2")])
        loader.step()
        write(tmp_path, [track(messageId="3")])
        assert not loader.due()
        write(tmp_path, *([track(messageId=f"{n}", properties={"x": "y" * 500_000})] for n in range(18)))
        assert loader.due()


def test_idle_calls_write_nothing(tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, [track()])
    load(destination, tmp_path)
    monkeypatch.setattr(type(destination.events), "write_position", None)
    assert load_events(destination, LogReader(tmp_path), None).accepted == 0


def test_a_text_with_the_null_character_is_refused_where_no_column_can_hold_it(
    tmp_path: Path, destination: Destination
) -> None:
    calls = [track(messageId="1", properties={"note": "a\0b"}), track(messageId="2", properties={"note": "ab"})]
    write(tmp_path, [*calls, track(messageId="3", properties={"note": "a\0b"}), calls[1]])
    report = load(destination, tmp_path)
    held = not destination.events.unfit_records(pa.table({"_record": [0], "note": ["a\0b"]}))
    assert (report.accepted, report.duplicates, report.quarantined) == (4, 1, 0 if held else 2)
    assert ask(destination, "select id from raw_segment.thing_done order by id") == (
        [("1",), ("2",), ("3",)] if held else [("2",)]
    )
    assert (
        len(ask(destination, "select reason from _flux.quarantine where reason like '%U+0000%'")) == report.quarantined
    )


def test_a_name_with_the_null_character_is_noted_as_the_warehouse_can_hold_it(
    tmp_path: Path, destination: Destination
) -> None:
    write(tmp_path, [track(properties={"no\0te": 1})], [track(messageId="2", properties={"no\0te": 2})])
    assert load(destination, tmp_path).loaded == 2
    assert ask(destination, "select no_te from raw_segment.thing_done order by 1") == [(1,), (2,)]
    noted = ask(destination, "select name from _flux.event_names where landed = 'no_te'")
    assert noted in ([("no\0te",)], [("no\ufffdte",)])


def test_names_longer_than_an_engine_takes_stay_apart(tmp_path: Path, destination: Destination) -> None:
    names = ["p" * 64 + letter for letter in "ab"]
    for number in range(2):
        properties = dict.fromkeys(names, number)
        write(tmp_path, [track("Very " + "long " * 20, messageId=str(number), properties=properties)])
        load(destination, tmp_path)
    table, columns = fitted("very" + "_long" * 20), [fitted(name) for name in names]
    assert columns[0] != columns[1]
    rows = ask(destination, f"select {', '.join(columns)} from raw_segment.{table} order by id")
    assert rows == [(0, 0), (1, 1)]
