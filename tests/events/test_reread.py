"""The log of events is read again through today's plan: what was quarantined lands once, what landed stays."""

from pathlib import Path

import pytest

from ingestion.events.record import Origin
from ingestion.events.tracking_plan import TrackingPlan, parse_tracking_plan
from ingestion.load import reread
from ingestion.load.reread import Reread, Span, reread_events
from ingestion.log import LogPosition, LogReader
from ingestion.warehouse.destination import Destination
from tests.events.calls import load, track, write
from tests.events.test_load import ask
from tests.events.test_quarantine import LEDGER

STRICT = "version: 1\nmode: quarantine\nevents:\n  Thing Done: {properties: {n: integer}}"


def plan(text: str = STRICT, **replaced: str) -> TrackingPlan:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return parse_tracking_plan(text)


def again(destination: Destination, log: Path, through: TrackingPlan | None, **options: object) -> Reread:
    span = Span(**{name: options.pop(name) for name in list(options) if name in Span.__slots__})  # type: ignore[arg-type]
    return reread_events(destination, LogReader(log), through, span, **options)  # type: ignore[arg-type]


def numbers(found: Reread) -> tuple[int, int, int, int, int]:
    return found.read, found.loaded, found.known, found.refused, found.against


def three(log: Path, destination: Destination) -> None:
    """One that keeps the plan, one with an unplanned property, one that no plan can save."""
    write(
        log, [track(messageId="1", properties={"n": 1}), track(messageId="2", properties={"m": 2}), {"type": "nothing"}]
    )
    load(destination, log, plan=plan())


def test_what_a_wider_plan_allows_lands_exactly_once(tmp_path: Path, destination: Destination) -> None:
    three(tmp_path, destination)
    assert ask(destination, LEDGER) == [(3, 1, 0, 2)]
    wider = plan(integer="integer, m: integer")
    found = again(destination, tmp_path, wider)
    assert numbers(found) == (3, 1, 1, 1, 0)
    assert numbers(again(destination, tmp_path, wider)) == (3, 0, 2, 1, 0)
    assert ask(destination, "select id, n, m from raw_segment.thing_done order by id") == [
        ("1", 1, None),
        ("2", None, 2),
    ]
    assert ask(destination, LEDGER) == [(3, 2, 0, 1)]
    assert destination.machinery.quarantine.rows() == 1


def test_what_landed_stays_though_the_plan_of_now_would_refuse_it(tmp_path: Path, destination: Destination) -> None:
    write(tmp_path, [track(messageId="1", properties={"m": 1})])
    load(destination, tmp_path)
    found = again(destination, tmp_path, plan())
    assert numbers(found) == (1, 0, 0, 0, 1)
    assert found.reasons == {"tracking plan: m is not planned": 1}
    assert ask(destination, "select count(*) from raw_segment.thing_done") == [(1,)]
    assert ask(destination, LEDGER) == [(1, 1, 0, 0)]


def test_a_dry_run_tells_the_same_and_changes_nothing(tmp_path: Path, destination: Destination) -> None:
    three(tmp_path, destination)
    write(tmp_path, [track(messageId="3")])  # not loaded yet: a dry run leaves it alone
    assert numbers(again(destination, tmp_path, None, dry_run=True)) == (3, 1, 1, 1, 0)
    assert ask(destination, "select id from raw_segment.thing_done") == [("1",)]
    assert ask(destination, LEDGER) == [(3, 1, 0, 2)]
    assert destination.machinery.quarantine.rows() == 2
    assert numbers(again(destination, tmp_path, None)) == (4, 1, 2, 1, 0)


def test_one_that_is_refused_again_has_the_reason_of_now(tmp_path: Path, destination: Destination) -> None:
    three(tmp_path, destination)
    again(destination, tmp_path, plan(integer="integer, m: string"))
    reasons = {group.reason for group in destination.machinery.quarantine.groups()}
    assert "tracking plan: m is not of type string" in reasons


def test_a_span_of_time_place_and_source_is_read_and_nothing_else(tmp_path: Path, destination: Destination) -> None:
    for day, source in ((1, "default"), (2, "default"), (3, "mobile")):
        calls = [track(messageId=str(day), properties={"m": 1})]
        write(tmp_path, calls, origin=Origin(f"2026-11-0{day}T00:00:00.000000Z", source))
    load(destination, tmp_path, plan=plan())
    second = list(LogReader(tmp_path).blocks())[1]

    def read(**span: object) -> int:
        return again(destination, tmp_path, None, dry_run=True, **span).read

    assert read() == 3
    assert read(since="2026-11-02T00:00:00.000000Z") == 2
    assert read(until="2026-11-02T00:00:00.000000Z") == 1
    assert read(source="mobile") == 1
    assert read(start=second.position) == 2
    assert read(start=second.position, end=second.end) == 1
    assert read(start=LogPosition(second.position.segment + 10, 0)) == 0


def test_an_entry_that_somebody_removed_lands_from_the_log_and_the_ledger_still_adds_up(
    tmp_path: Path, destination: Destination
) -> None:
    three(tmp_path, destination)
    destination.machinery.session.execute("delete from _flux.quarantine where reason like 'tracking%'")
    assert numbers(again(destination, tmp_path, None)) == (3, 1, 1, 1, 0)
    assert ask(destination, LEDGER) == [(3, 2, 0, 1)]


def test_the_same_id_twice_in_quarantine_lands_once(tmp_path: Path, destination: Destination) -> None:
    write(tmp_path, [track(properties={"m": 1})], [track(properties={"m": 1})])
    load(destination, tmp_path, plan=plan())
    assert numbers(again(destination, tmp_path, None)) == (2, 1, 1, 0, 0)
    assert ask(destination, LEDGER) == [(2, 1, 1, 0)]
    assert destination.machinery.quarantine.rows() == 0


def test_a_kill_before_the_commit_changes_nothing(
    tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(tmp_path, destination)

    def die(name: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reread, "reach", die)
        with pytest.raises(KeyboardInterrupt):
            again(destination, tmp_path, None)
    assert ask(destination, LEDGER) == [(3, 1, 0, 2)]
    assert numbers(again(destination, tmp_path, None)) == (3, 1, 1, 1, 0)


def test_a_log_of_which_nothing_was_loaded_has_nothing_to_read_again(tmp_path: Path, destination: Destination) -> None:
    assert numbers(again(destination, tmp_path, None, dry_run=True)) == (0, 0, 0, 0, 0)
