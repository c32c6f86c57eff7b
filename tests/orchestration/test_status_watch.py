"""`flux status --watch`: what it draws and prints, and the rates that it makes of looks."""

import datetime as dt
import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestration.cli.status_watch import Rates, drawn, watch
from orchestration.settings import Settings
from orchestration.walk.observing import observe

NOW = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
BUILD = {"cut": 7, "built_at": "2026-11-02T11:55:00+00:00", "nodes": {"models success": 12, "tests fail": 1}}


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """A home where nothing happened yet, and a table more."""
    found = observe(Settings.read({"FLUX_HOME": str(tmp_path)}))
    table = {
        "source": "public.members",
        "state": "streaming",
        "rows": 1200,
        "last_change_at": "2026-11-02T11:59:50+00:00",
    }
    found["tables"] = [table, {**table, "source": "public.skills", "state": "inexact", "last_change_at": None}]
    return found


def moved(document: dict[str, Any], loaded_lsn: str, loaded: int) -> dict[str, Any]:
    """The document of a later look."""
    return {
        **document,
        "position": {**document["position"], "loaded_lsn": loaded_lsn},
        "events": {**document["events"], "loaded": loaded},
    }


def test_rates_are_over_the_looks_of_half_a_minute(document: dict[str, Any]) -> None:
    rates = Rates()
    rates.see(moved(document, "0/0", 0), 0.0)
    assert rates.a_second() == {}
    rates.see(moved(document, "0/1000", 40), 10.0)
    assert rates.a_second() == {
        "captured WAL bytes": 0.0, "loaded WAL bytes": 409.6, "events accepted": 0.0, "events loaded": 4.0
    }  # fmt: skip
    rates.see(moved(document, "0/1000", 40), 39.0)
    rates.see(moved(document, "0/1000", 40), 41.0)
    assert set(rates.a_second().values()) == {0.0}


def test_counters_that_go_back_begin_anew(document: dict[str, Any]) -> None:
    rates = Rates()
    for at, (lsn, loaded) in enumerate([("5/0", 100), ("0/0", 0), ("0/10", 2)]):
        rates.see(moved(document, lsn, loaded), float(at))
    assert rates.a_second()["loaded WAL bytes"] == 16.0


def test_a_terminal_shows_what_is_wrong_first(document: dict[str, Any]) -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(drawn(document, BUILD, {"events loaded": 1234.5}, NOW))
    text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "cut 7, 5 min ago: 13 models, tests and other nodes, 1 tests fail" in text
    assert "1,234 events loaded/s" in text
    assert text.index("public.skills") < text.index("public.members")
    assert "10 s ago" in text


@pytest.mark.parametrize("as_json", [False, True])
def test_a_pipe_gets_a_line_a_look(document: dict[str, Any], as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    stop, looks = threading.Event(), 0

    def look() -> tuple[dict[str, Any], dict[str, Any]]:
        nonlocal looks
        looks += 1
        if looks == 3:
            stop.set()
        return document, {}

    watch(look, stop, every=0.001, as_json=as_json, terminal=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    if as_json:
        assert [json.loads(line)["events"]["loaded"] for line in lines] == [0, 0, 0]
        assert "events loaded" in json.loads(lines[2])["rates"]
    else:
        assert "build: there was none" in lines[2]
