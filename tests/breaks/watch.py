"""Looks as `flux alerts watch` does, at a home of a test: what breaks, fires once, is mended, and clears."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestration.alerts import ledger as ledgers
from orchestration.alerts import watching
from orchestration.alerts.channels.configured import channels
from orchestration.alerts.incidents import CLOSES, OPENS
from orchestration.alerts.rules import RULES
from orchestration.ports import free_port
from orchestration.settings import Settings
from orchestration.walk import doctor
from tests.alerts.receivers import SECRET, Receiver, receiving, slack
from tests.orchestration.test_operation import Run, accept, track

BEGIN = dt.datetime(2026, 11, 27, 3, 0, tzinfo=dt.UTC)
Do = Callable[[], object]


@dataclass
class Watch:
    """Looks as `flux alerts watch` does, with a clock of its own; `hook` is what the channel took."""

    hook: Receiver
    minutes: int = 0
    settings: Settings = field(default_factory=Settings.read)

    def look(self, times: int) -> None:
        for _ in range(times):
            settings, complaints = Settings.read_what_can_be_meant()
            state = ledgers.read(settings.alerts_path)
            self.minutes += 1
            now = BEGIN + dt.timedelta(minutes=self.minutes)
            watching.observe_once(settings, state, channels(settings), now, complaints)

    def told(self, rule: str) -> list[str]:
        title = RULES[rule].title
        heads = [document["text"].splitlines()[0] for document in self.hook.taken]
        return ["closed" if "well again" in head else "opened" for head in heads if f": {title}" in head]

    def fires_once_and_clears(self, rule: str, mend: str, break_it: Do, mend_it: Do) -> doctor.Check:
        """Break, look, mend, look. Give what the doctor said of it while it was broken."""
        self.look(OPENS)
        assert self.told(rule) == [], "it was ill before"
        break_it()
        found = [check for check in doctor.examine(*Settings.read_what_can_be_meant()) if check.name == rule]
        (ill,) = [check for check in found if check.level in (doctor.WARNING, doctor.PROBLEM)]
        assert mend in ill.mend
        self.look(OPENS + 3)
        assert self.told(rule) == ["opened"]
        mend_it()
        self.look(CLOSES + 3)
        assert self.told(rule) == ["opened", "closed"]
        assert self.hook.refused == []
        return ill


@pytest.fixture
def watch(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """A home with two replicated tables and an event, and a channel."""
    accept(Settings.read().home, track(1))
    run("replicate", "--until-now")
    with watching_home(monkeypatch) as watch:
        yield watch


@contextmanager
def watching_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Watch the home that FLUX_HOME names, with a channel."""
    monkeypatch.setenv("FLUX_COLLECT_PORT", str(free_port()))
    with receiving(slack, SECRET) as receiver:
        monkeypatch.setenv("FLUX_ALERT_WEBHOOK", receiver.url)
        yield Watch(receiver)


@pytest.fixture
def replicate(run: Run) -> Do:
    return lambda: run("replicate", "--until-now")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> Do:
    """Change a JSON file; gives what puts it back."""
    before = path.read_text()
    document = json.loads(before)
    change(document)
    path.write_text(json.dumps(document))
    return lambda: path.write_text(before)
