"""Quarantined events are tried again with the code and plan of now, and land exactly once."""

from pathlib import Path

import pytest

from ingestion.errors import CallRefusedError
from ingestion.events import contract
from ingestion.events.contract import check
from ingestion.load import requeue
from ingestion.load.requeue import Requeued, requeue_events
from ingestion.log import LogReader
from ingestion.warehouse.destination import Destination
from tests.events.calls import load, track, write
from tests.events.test_load import ask

LEDGER = "select sum(accepted), sum(loaded), sum(duplicates), sum(quarantined) from _flux.segments"


def refuse_all(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A bug: every track call is refused."""

    def refused(*arguments: object) -> str:
        raise CallRefusedError("a bug refuses it")

    monkeypatch.setattr(contract, "check", refused)
    return monkeypatch


def fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "check", check)


def refuse_once(log: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    """One track call in quarantine, and the bug that put it there mended."""
    refuse_all(monkeypatch)
    write(log, [track()])
    load(destination, log)
    fix(monkeypatch)


def test_events_that_a_bug_refused_land_once_it_is_mended(
    tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_all(monkeypatch)
    write(tmp_path, [track(messageId=str(number)) for number in range(3)], [{"type": "nothing"}])
    load(destination, tmp_path)
    (group,) = destination.machinery.quarantine.groups()
    assert (group.rows, destination.machinery.quarantine.rows()) == (4, 4)
    fix(monkeypatch)
    write(tmp_path, [track(messageId="0")])  # sent again meanwhile, and taken
    load(destination, tmp_path)
    reader = LogReader(tmp_path)
    assert requeue_events(destination, None, reader) == Requeued(loaded=2, duplicates=1, refused=1)
    assert requeue_events(destination, None, reader) == Requeued(refused=1)
    assert ask(destination, "select id from raw_segment.thing_done order by id") == [("0",), ("1",), ("2",)]
    assert ask(destination, LEDGER) == [(5, 3, 1, 1)]
    assert destination.machinery.quarantine.rows() == 1
    assert sorted(ask(destination, "select resolution from _flux.quarantine where resolved_at is not null")) == [
        ("duplicates",), ("loaded",), ("loaded",),
    ]  # fmt: skip
    (left,) = destination.machinery.quarantine.groups()
    (entry,) = destination.machinery.quarantine.find(left.example[:6])
    assert entry.raw is not None
    assert b"nothing" in entry.raw


def test_one_that_is_refused_again_has_the_reason_of_now(
    tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_all(monkeypatch)
    write(tmp_path, [track(event=None)])
    load(destination, tmp_path)
    fix(monkeypatch)
    requeue_events(destination, None, LogReader(tmp_path))
    (group,) = destination.machinery.quarantine.groups()
    assert "a bug" not in group.reason
    assert ask(destination, LEDGER) == [(1, 0, 0, 1)]


def test_only_the_named_source_is_tried(
    tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_once(tmp_path, destination, monkeypatch)
    assert requeue_events(destination, None, LogReader(tmp_path), source="mobile") == Requeued()
    assert requeue_events(destination, None, LogReader(tmp_path), source="default") == Requeued(loaded=1)


def test_a_kill_before_the_commit_changes_nothing(
    tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_once(tmp_path, destination, monkeypatch)

    def die(name: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(requeue, "reach", die)
        with pytest.raises(KeyboardInterrupt):
            requeue_events(destination, None, LogReader(tmp_path))
    assert ask(destination, LEDGER) == [(1, 0, 0, 1)]
    assert requeue_events(destination, None, LogReader(tmp_path)) == Requeued(loaded=1)


def test_a_quarantine_of_a_former_version_gets_what_it_lacks(tmp_path: Path, destination: Destination) -> None:
    destination.machinery.ensure()
    session = destination.machinery.session
    session.execute("alter table _flux.quarantine drop column resolved_at")
    session.execute("alter table _flux.quarantine drop column resolution")
    write(tmp_path, [{"type": "nothing"}])
    load(destination, tmp_path)
    assert destination.machinery.quarantine.rows() == 1
