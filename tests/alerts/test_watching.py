"""From a real ill of a real source to what the receivers took: once when it comes, once when it goes."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orchestration.alerts import ledger as ledgers
from orchestration.alerts import watching
from orchestration.alerts.channels.configured import channels
from orchestration.alerts.ledger import Ledger
from orchestration.cli.main import main
from orchestration.errors import FluxError, SettingError
from orchestration.locks import sole
from orchestration.settings import Settings
from orchestration.walk import doctor
from tests.alerts.receivers import ROUTING_KEY, SECRET, Receiver, pagerduty, receiving, slack
from tests.orchestration.test_operation import Run, run, source

__all__ = ["run", "source"]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving(slack, SECRET) as receiver:
        monkeypatch.setenv("FLUX_ALERT_WEBHOOK", receiver.url)
        yield receiver


def looks(count: int, state: Ledger | None = None, begin: int = 0) -> Ledger:
    settings = Settings.read()
    state = ledgers.read(settings.alerts_path)
    for number in range(begin, begin + count):
        now = dt.datetime(2026, 11, 27, 3, number, tzinfo=dt.UTC)
        watching.observe_once(settings, state, channels(settings), now)
    return state


def titles(hook: Receiver) -> list[str]:
    return [document["text"].splitlines()[0].partition("*")[2].rstrip("*") for document in hook.taken]


def test_a_dropped_slot_is_told_once_across_restarts_and_so_is_its_end(
    run: Run, hook: Receiver, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("replicate", "--until-now")
    slot = Settings.read().slot
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("select pg_drop_replication_slot(%s)", (slot,))
    looks(2)
    looks(3, begin=2)  # a restart between: the state is read again
    dropped = f"Flux: problem: Slot dropped ({slot})"
    assert titles(hook).count(dropped) == 1
    text = next(document["text"] for document in hook.taken if dropped in document["text"])
    assert "'flux replicate' makes it and copies every table" in text
    (open_,) = [found for found in run("alerts", code=1)["incidents"] if found["rule"] == "slot_dropped"]
    assert (open_["owner"], open_["runbook"]) == ("data-platform", "slot-dropped")
    run("replicate", "--until-now")
    looks(5, begin=5)
    assert titles(hook).count(dropped) == 1
    assert titles(hook).count(f"Flux: well again: Slot dropped ({slot})") == 1
    assert hook.refused == []


def test_an_unreachable_source_closes_no_incident_of_the_source(
    run: Run, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("replicate", "--until-now")
    looks(2)
    risky = "Flux: warning: Source risky (max_slot_wal_keep_size)"
    assert risky in titles(hook)
    monkeypatch.setenv("FLUX_SOURCE_URL", "postgresql://flux:s3cret@127.0.0.1:1/app")
    looks(5, begin=2)
    assert "Flux: problem: Source unreachable" in titles(hook)
    assert not [title for title in titles(hook) if "well again: Source risky" in title]
    assert "s3cret" not in json.dumps(hook.taken)


def test_a_look_that_dies_of_a_bug_is_told_and_nothing_else_forgotten(
    run: Run, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("replicate", "--until-now")
    looks(2)
    before = len(hook.taken)

    def die(*ignored: object) -> list[doctor.Check]:
        raise RuntimeError("Ann's row")

    monkeypatch.setattr(doctor, "examine", die)
    looks(6, begin=2)
    assert titles(hook)[before:] == ["Flux: problem: Look failed"]
    assert "Ann" not in json.dumps(hook.taken)


def test_what_is_not_taken_is_due_and_listed_and_taken_later(run: Run, hook: Receiver, tmp_path: Path) -> None:
    hook.status = 503
    run("replicate", "--until-now")
    looks(2)
    told = run("alerts")
    assert told["due"]
    assert "503" in told["due"][0]["error"]
    hook.status = None
    looks(1, begin=30)
    assert run("alerts")["due"] == []
    assert hook.refused == []
    assert hook.taken


def test_a_test_message_goes_to_each_channel_and_the_answers_are_told(
    run: Run, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(pagerduty, "/v2/enqueue") as pager:
        monkeypatch.setenv("FLUX_ALERT_PAGERDUTY_URL", pager.url)
        monkeypatch.setenv("FLUX_ALERT_PAGERDUTY_KEY", ROUTING_KEY)
        taken = run("alerts", "test")
        assert [(one["channel"], one["taken"]) for one in taken] == [("webhook", True), ("pagerduty", True)]
        hook.status = 500
        refused = run("alerts", "test", code=1)
    assert [(one["channel"], one["taken"]) for one in refused] == [("webhook", False), ("pagerduty", True)]
    assert titles(hook) == ["Flux: test: Look failed (test)"]


def test_secrets_may_stand_in_files_and_half_a_channel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("https://hooks.example.com/services/x\n")
    settings = Settings.read({"FLUX_HOME": str(tmp_path), "FLUX_ALERT_WEBHOOK_FILE": str(tmp_path / "hook")})
    assert [channel.name for channel in channels(settings)] == ["webhook"]
    with pytest.raises(SettingError, match="FLUX_ALERT_EMAIL_TO"):
        channels(Settings.read({"FLUX_ALERT_SMTP_URL": "smtp://u:p@mail:587"}))
    shown = repr(Settings.read({"FLUX_ALERT_WEBHOOK": "https://hooks.slack.com/services/s3cret"}))
    assert "s3cret" not in shown


def test_one_process_looks(run: Run, tmp_path: Path) -> None:
    with sole(Settings.read().alerts_lock, "flux up"), pytest.raises(FluxError, match="somebody looks already"):
        watching.watch(Settings.read(), threading.Event())


def test_the_loop_looks_at_its_interval_and_ends_when_told(
    run: Run, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_ALERT_SECONDS", "0.5")
    stop, seen = threading.Event(), []

    def examine(settings: Settings, complaints: Any) -> list[doctor.Check]:
        seen.append(1)
        if len(seen) == 6:
            stop.set()
        return [doctor.Check("mart_stale", doctor.PROBLEM, "old", "build")] if len(seen) < 3 else []

    monkeypatch.setattr(doctor, "examine", examine)
    watching.watch(Settings.read(), stop)
    assert titles(hook) == ["Flux: problem: Mart stale", "Flux: well again: Mart stale"]


def test_a_setting_that_nobody_knows_is_named_and_told(
    run: Run, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_SORCE_URL", "postgresql://x/y")
    told = run("doctor", code=1)
    (wrong,) = [check for check in told["checks"] if check["name"] == "setting_wrong"]
    assert "FLUX_SORCE_URL" in wrong["what"]
    assert "did you mean FLUX_SOURCE_URL" in wrong["mend"]
    settings, complaints = Settings.read_what_can_be_meant()
    state = Ledger()
    for minute, said in enumerate([complaints] * 3 + [[]] * 3):
        watching.observe_once(
            settings, state, channels(settings), dt.datetime(2026, 11, 27, 3, minute, tzinfo=dt.UTC), said
        )
    told_of = [title for title in titles(hook) if "Setting wrong" in title]
    assert told_of == [
        "Flux: problem: Setting wrong (FLUX_SORCE_URL)",
        "Flux: well again: Setting wrong (FLUX_SORCE_URL)",
    ]


def test_the_list_is_empty_before_the_first_look(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("alerts") == {"watched": False, "looked_at": None, "incidents": [], "due": []}
    assert main(["alerts"]) == 0
    assert "never looked; nobody looks now" in capsys.readouterr().out
