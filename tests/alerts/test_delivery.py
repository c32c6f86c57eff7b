"""Due messages: kept until they are taken, in order, whatever becomes of the process, the disk or another channel."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest

from orchestration.alerts import ledger as ledgers
from orchestration.alerts.channels.channel import ChannelError
from orchestration.alerts.delivery import deliver, next_try
from orchestration.alerts.incidents import Finding, Incident, Kind, Message
from orchestration.alerts.ledger import Ledger

NOW = dt.datetime(2026, 11, 27, 3, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)


def message(kind: Kind = "opened", subject: str = "flux") -> Message:
    return Message(kind, Finding("slot_lost", subject, "problem", "lost", "mend", "owner", ""), NOW, NOW)


class Told:
    """A channel for tests: `error` is raised instead of taking a message."""

    def __init__(self, name: str = "one", error: ChannelError | None = None) -> None:
        self.name, self.error, self.tries = name, error, 0
        self.taken: list[tuple[str, str]] = []

    def send(self, message: Message) -> str:
        self.tries += 1
        if self.error is not None:
            raise self.error
        self.taken.append((message.kind, message.finding.subject))
        return "ok"


DOWN = ChannelError("down")


def test_a_channel_that_is_down_keeps_its_messages_in_order_and_holds_up_no_other() -> None:
    state, one, two = Ledger(), Told("one", DOWN), Told("two")
    state.add(["one", "two"], [message(), message(subject="b")])
    deliver(state, [one, two], NOW)
    assert two.taken == [("opened", "flux"), ("opened", "b")]
    assert one.tries == 1  # the rest of its messages waits with the first
    assert [due.channel for due in state.due] == ["one", "one"]
    deliver(state, [one, two], NOW)
    assert one.tries == 1
    one.error = None
    deliver(state, [one, two], LATER)
    assert one.taken == two.taken
    assert state.due == []


def test_a_channel_that_hangs_holds_up_no_other() -> None:
    let_go, other = threading.Event(), threading.Event()

    class Hanging(Told):
        def send(self, message: Message) -> str:
            assert other.wait(20), "the other channel was held up"
            return "ok"

    class Quick(Told):
        def send(self, message: Message) -> str:
            other.set()
            return "ok"

    state = Ledger()
    state.add(["one", "two"], [message()])
    deliver(state, [Hanging("one"), Quick("two")], NOW)
    assert state.due == []
    let_go.set()


def test_pauses_grow_up_to_ten_minutes() -> None:
    state, channel, now = Ledger(), Told(error=DOWN), NOW
    state.add(["one"], [message()])
    pauses = []
    for _ in range(10):
        deliver(state, [channel], now)
        due = next_try(state)
        assert due is not None
        pauses.append((due - now).total_seconds())
        now = due
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]


def test_a_refused_message_lets_the_next_one_pass_and_is_given_up_after_a_week() -> None:
    state, channel = Ledger(), Told(error=ChannelError("400", refused=True))
    state.add(["one"], [message()])
    deliver(state, [channel], NOW)
    channel.error = None
    state.add(["one"], [message(subject="b")])
    state.due[0].not_before, state.due[1].not_before = LATER, None
    state.due.reverse()
    deliver(state, [channel], NOW)
    assert channel.taken == [("opened", "b")]
    channel.error = ChannelError("400", refused=True)
    deliver(state, [channel], NOW + dt.timedelta(days=8))
    assert state.due == []


def test_what_opens_again_replaces_what_was_not_taken_of_it() -> None:
    state = Ledger()
    for _ in range(50):
        state.add(["one"], [message("opened")])
        state.add(["one"], [message("closed")])
    assert [due.message.kind for due in state.due] == ["opened", "closed"]


def test_a_channel_that_is_unset_has_nothing_due() -> None:
    state = Ledger()
    state.add(["gone"], [message()])
    deliver(state, [Told()], NOW)
    assert state.due == []


def test_the_state_comes_back_as_it_was(tmp_path: Path) -> None:
    incident = Incident(message().finding, NOW, LATER, -1, "problem")
    state = Ledger([incident], [], NOW)
    state.add(["one"], [message("worse")])
    state.due[0].tries, state.due[0].not_before, state.due[0].error = 3, LATER, "down"
    assert ledgers.write(tmp_path / "alerts.json", state)
    assert ledgers.read(tmp_path / "alerts.json") == state
    assert (tmp_path / "alerts.json").stat().st_mode & 0o077 == 0


def test_a_torn_state_is_told_and_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "alerts.json").write_text('{"incidents": [')
    assert ledgers.read(tmp_path / "alerts.json") == Ledger()
    assert "told again" in caplog.text


def test_a_disk_that_takes_nothing_is_told_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*ignored: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledgers, "open_private", full)
    assert not ledgers.write(tmp_path / "alerts.json", Ledger())
    assert "No space left" in caplog.text
