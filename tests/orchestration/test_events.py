"""`flux events`: the operator's commands for events, end to end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.events.record import Origin
from ingestion.log import LogReader
from orchestration.cli.main import main
from orchestration.settings import Settings
from orchestration.walk import events
from tests.events.calls import ORIGIN, track, write

PLAN = "version: 1\nmode: quarantine\nevents:\n  Thing Done: {properties: {n: integer}}\n"
Run = Callable[..., Any]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of events of a FLUX_HOME with a strict plan; nobody asks for the source."""
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    monkeypatch.setenv("FLUX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FLUX_SOURCE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("FLUX_TRACKING_PLAN", str(plan))
    return tmp_path / "home" / "log" / "events"


@pytest.fixture
def run(log: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `flux ARGUMENTS` and give what it printed, read as JSON where that is asked for."""

    def run(*arguments: str, code: int = 0) -> Any:
        found = main([*arguments])
        captured = capsys.readouterr()
        assert found == code, captured.err
        if "--json" not in arguments or not captured.out:
            return captured.out + captured.err
        return json.loads(captured.out)

    return run


def published(home: Path, query: str) -> Any:
    with duckdb.connect(str(home / "published" / "warehouse.duckdb"), read_only=True) as warehouse:
        return warehouse.execute(query).fetchall()


def test_replay_lands_what_a_mended_plan_allows_and_publishes_it(run: Run, log: Path, tmp_path: Path) -> None:
    write(log, [track(messageId="1", properties={"n": 1}), track(messageId="2", properties={"m": 2})])
    run("load")
    next_plan = tmp_path / "next.yaml"
    next_plan.write_text(PLAN.replace("n: integer", "n: integer, m: integer"))
    told = run("events", "replay", "--from", "2026-11-01", "--plan", str(next_plan), "--dry-run", "--json")
    assert (told["dry_run"], told["read"], told["loaded"], told["refused"]) == (True, 2, 1, 0)
    told = run("events", "replay", "--json")
    assert (told["loaded"], told["refused"]) == (0, 1)
    assert told["reasons"] == {"tracking plan: m is not planned": 1}
    (tmp_path / "plan.yaml").write_text(next_plan.read_text())
    assert "1 of the quarantine landed" in run("events", "replay")
    assert published(tmp_path / "home", "select id from raw_segment.thing_done order by id") == [("1",), ("2",)]
    assert run("status", "--json")["events"]["quarantined"] == 0


def test_a_place_or_time_that_is_none_is_refused(run: Run, log: Path) -> None:
    write(log, [track()])
    run("load")
    assert "is neither a time" in run("events", "replay", "--from", "yesterday", code=1)
    assert "is no place of this log" in run("events", "replay", "--from", "1/2", code=1)
    end = LogReader(log).durable_end()
    assert end is not None
    assert "is no place of this log" in run("events", "replay", "--to", f"{end.segment}/{end.offset - 1}", code=1)
    assert run("events", "replay", "--from", f"{end.segment}/{end.offset}", "--json")["read"] == 0


def test_quarantine_of_events_lists_explains_and_resubmits(run: Run, log: Path, tmp_path: Path) -> None:
    write(log, [track(messageId="secret-free", properties={"m": "secret"}), {"type": "nothing"}])
    run("load")
    groups = {group["reason"]: group for group in run("events", "quarantine", "--json")}
    assert run("events", "quarantine", "list", "--json") == list(groups.values())
    id_ = groups["tracking plan: m is not planned"]["example"]
    (told,) = run("events", "quarantine", "explain", id_, "--json")
    assert (told["event"], told["message_id"], told["now"]) == ("Thing Done", "secret-free", "quarantined")
    assert 'secret"' not in json.dumps(told)
    (tmp_path / "plan.yaml").write_text(PLAN.replace("n: integer", "m: string"))
    (told,) = run("events", "quarantine", "explain", id_, "--json")
    assert (told["now"], told["now_reason"]) == ("lands", None)
    assert run("events", "quarantine", "resubmit", "--id", id_, "--json") == {
        "loaded": 1, "duplicates": 0, "refused": 0, "tables": [],
    }  # fmt: skip
    assert run("events", "quarantine", "resubmit", "default", "--json", code=1)["refused"] == 1
    assert "no event of 'web' is in quarantine" in run("events", "quarantine", "resubmit", "web", code=1)


def test_tail_shows_verdicts_and_no_values(run: Run, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        log,
        [track(messageId="1", properties={"n": 1}), track(messageId="2", properties={"n": "secret"})],
        [track("Evil \x1b[2J", messageId="3"), {"type": "identify", "userId": "secret-user"}],
    )
    told = run("events", "tail")
    assert [line.split("  ")[-1] for line in told.splitlines()] == [
        "lands",
        "quarantined: tracking plan: n is not of type integer",
        r"quarantined: tracking plan: event 'Evil \\x1b[2J' is not planned",
        "lands",
    ]
    assert "secret" not in told
    assert "\x1b[2J" not in told
    assert "secret" in run("events", "tail", "--values")
    assert main(["events", "tail", "--last", "2", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(item["type"], item["message_id"], item["verdict"]) for item in found] == [
        ("track", "3", "quarantined"), ("identify", None, "lands"),
    ]  # fmt: skip


def test_tail_of_one_source_follows_what_comes_without_the_warehouse(log: Path) -> None:
    write(log, [track(messageId="1")], origin=Origin(ORIGIN.received_at, "web"))
    write(log, [track(messageId="2")])
    stop, seen = threading.Event(), []
    for tailed in events.tail(Settings.read(), source="web", last=10, follow=True, stop=stop):
        seen.append(tailed.seen.message_id)
        if len(seen) == 1:
            write(log, [track(messageId="3")])
            write(log, [track(messageId="4")], origin=Origin(ORIGIN.received_at, "web"))
        else:
            stop.set()
    assert seen == ["1", "4"]


def test_tail_of_nothing_is_nothing(run: Run) -> None:
    assert run("events", "tail") == ""


def test_import_brings_archives_to_the_published_warehouse_and_names_what_is_broken(
    run: Run, log: Path, tmp_path: Path
) -> None:
    archives = tmp_path / "archives" / "day"
    archives.mkdir(parents=True)
    lines = [track(messageId=str(n), properties={"n": n}, receivedAt="2025-01-02T03:04:05.678Z") for n in range(3)]
    (archives / "a.ndjson").write_text("\n".join(map(json.dumps, lines)) + "\n{broken\n")
    (archives / "b.gz").write_bytes(b"\x1f\x8b broken")
    told = run("events", "import", str(tmp_path / "archives" / "**" / "*.ndjson"), "--json")
    assert (told["lines"], told["events"]["loaded"], told["events"]["quarantined"]) == (4, 3, 1)
    assert published(tmp_path / "home", "select count(*) from raw_segment.thing_done") == [(3,)]
    assert "b.gz: broken behind line 0" in run("events", "import", str(archives / "b.gz"), "--no-load", code=1)
    assert "source 'No' is no name" in run("events", "import", str(archives), "--source", "No", code=1)
    assert "nothing is at" in run("events", "import", str(tmp_path / "none*"), code=1)


def test_the_documented_example_of_vendor_data_works(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "events.md").read_text().partition("## Vendor data")[2]
    for name, kind in (("candidates.yaml", "yaml"), ("candidates.csv", "csv")):
        (tmp_path / name).write_text(text.partition(f"```{kind}\n")[2].partition("```")[0])
    monkeypatch.chdir(tmp_path)
    arguments = ("events", "import", "candidates.csv", "--mapping", "candidates.yaml", "--json")
    (told,) = run(*arguments)["objects"]
    assert (told["relation"], told["rows"], told["inserted"]) == ("raw_greenhouse.candidates", 2, 2)
    (told,) = run(*arguments)["objects"]
    assert told["known"]
    query = text.partition('flux query "')[2].partition('"')[0]
    assert run("query", query, "--json") == [
        {"candidate_id": 1, "stage": "Interview", "is_there": True},
        {"candidate_id": 2, "stage": "Offer", "is_there": True},
    ]
