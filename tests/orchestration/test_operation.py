"""The operator's commands on a real source: status, metrics, quarantine, replay."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingestion.events.record import KIND_EVENTS, Origin, encode_records
from ingestion.log import LogWriter
from ingestion.warehouse.duckdb import successor
from ingestion.warehouse.duckdb.successor import put_in_place
from orchestration.cli.main import main
from orchestration.metrics import METRICS, serve
from orchestration.ports import free_port
from orchestration.settings import Settings
from orchestration.walk.observing import observe

Run = Callable[..., Any]
Source = Callable[..., None]


@pytest.fixture
def source(database: str) -> Source:
    """Run statements at the source."""

    def execute(*statements: str) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    return execute


@pytest.fixture
def run(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], source: Source
) -> Run:
    """Run `flux ARGUMENTS --json` and give what it printed; a source with two tables is there."""
    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    monkeypatch.setenv("FLUX_SOURCE_URL", database)
    monkeypatch.setenv("FLUX_SLOT", "flux_" + database[-20:])
    source("create table t (id int primary key, n int)", "insert into t values (1, 1), (2, 2)")
    source("create table u (id int primary key)", "insert into u values (1)")

    def run(*arguments: str, code: int = 0) -> Any:
        found = main([*arguments, "--json"])
        captured = capsys.readouterr()
        assert found == code, captured.err
        return json.loads(captured.out) if captured.out else captured.err

    return run


def accept(home: Path, *calls: dict[str, object]) -> None:
    """Events, as the collector writes them."""
    with LogWriter.open(home / "log" / "events") as writer:
        records = encode_records(
            Origin("2026-11-23T05:44:00.000000Z", "default"), [json.dumps(call).encode() for call in calls]
        )
        writer.append(KIND_EVENTS, records)
        writer.commit()


def track(number: int) -> dict[str, object]:
    return {"type": "track", "event": "Seen", "userId": "u", "messageId": str(number)}


def ask(home: Path, query: str, name: str = "warehouse.duckdb") -> Sequence[tuple[Any, ...]]:
    with duckdb.connect(str(home / name)) as warehouse:
        return warehouse.execute(query).fetchall()


def test_status_tells_what_changed_when_how_far_behind_and_what_the_log_holds(
    run: Run, source: Source, tmp_path: Path
) -> None:
    run("replicate", "--until-now")
    source("update t set n = 3 where id = 1", "alter table u add column note text", "insert into u values (2, 'x')")
    run("replicate", "--until-now")
    told = run("status")
    t, u = told["tables"]
    assert t["last_change_at"] < u["last_change_at"]
    assert (t["rows"], t["lag_bytes"], t["lag_seconds"], t["quarantined"]) == (2, 0, 0.0, 0)
    assert ("public.u", "add", "note") in {(c["source"], c["change"], c["column"]) for c in told["schema_changes"]}
    assert told["position"]["loaded_lag_bytes"] == 0
    assert told["position"]["captured_lag_bytes"] >= 0
    assert told["slot"]["retained_bytes"] >= 0
    assert told["log"]["replay"]["possible"]
    assert told["log"]["bytes"]["postgres"] > 0
    rows = ask(tmp_path, "select source, state, row_count, loaded_lag_bytes from _flux.table_status order by source")
    assert rows == [("public.t", "streaming", 2, 0), ("public.u", "streaming", 2, 0)]


def test_what_is_captured_and_not_loaded_is_behind_in_bytes_and_seconds(run: Run, source: Source) -> None:
    from orchestration.walk import loading
    from orchestration.walk.product import known_source

    run("replicate", "--until-now")
    source("update t set n = 4 where id = 1")
    settings = Settings.read()
    loading.capture_now(settings, known_source(settings))
    position = run("status")["position"]
    assert position["loaded_lag_bytes"] > 0
    assert position["loaded_lag_seconds"] > 0
    run("load")
    position = run("status")["position"]
    assert (position["loaded_lag_bytes"], position["loaded_lag_seconds"]) == (0, 0.0)


def test_metrics_are_what_prometheus_reads_and_just_those_that_are_listed(
    run: Run, source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accept(tmp_path, track(1), {"type": "nothing"})
    run("replicate", "--until-now")
    source("update t set n = 3 where id = 1")
    run("replicate", "--until-now")
    (tmp_path / "warehouse.duckdb").unlink()  # nobody opens it
    assert main(["metrics"]) == 0
    families = {family.name: family for family in text_string_to_metric_families(capsys.readouterr().out)}
    assert set(families) == {metric.name for metric in METRICS}
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert values["flux_table_rows", "public.t"] == 2
    assert values["flux_table_state_info", "public.t", "streaming"] == 1
    assert values["flux_quarantined_rows", "default", "events"] == 1
    assert values["flux_loaded_lag_bytes",] == 0
    assert values["flux_slot_retained_wal_bytes",] >= 0
    assert values["flux_events_accepted",] == 2


def test_metrics_are_served_on_loopback(run: Run) -> None:
    run("replicate", "--until-now")
    port, stop = free_port(), threading.Event()
    thread = threading.Thread(target=serve, args=(lambda: observe(Settings.read(), ask=False), port, stop))
    thread.start()
    try:
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    text = answer.read().decode()
                break
            except ConnectionRefusedError:
                continue
            except urllib.error.URLError:
                continue
    finally:
        stop.set()
        thread.join(20)
    assert 'flux_table_rows{table="public.t"} 2.0' in text


def test_quarantine_is_listed_explained_without_values_and_tried_again(run: Run, tmp_path: Path) -> None:
    accept(tmp_path, track(1), {"type": "nothing", "secret": "Ann"})
    run("replicate", "--until-now")
    (group,) = run("quarantine")
    assert (group["consumer"], group["source"], group["rows"]) == ("events", "default", 1)
    (entry,) = run("quarantine", "explain", group["example"][:8])
    assert "Ann" not in json.dumps(entry)
    assert "flux quarantine replay default" in entry["advice"]
    (entry,) = run("quarantine", "explain", group["example"], "--show-bytes")
    assert "Ann" in entry["raw"]
    assert run("quarantine", "replay", code=1) == {"loaded": 0, "duplicates": 0, "refused": 1, "tables": []}
    assert "has the id 'zz'" in run("quarantine", "explain", "zz", code=1)
    assert "nothing of 'web'" in run("quarantine", "replay", "web", code=1)


def test_a_quarantined_table_is_copied_anew_and_its_entry_resolved(run: Run, source: Source, tmp_path: Path) -> None:
    run("replicate", "--until-now")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "insert into _flux.quarantine (consumer, source, position, reason, noticed_at) "
            "values ('postgres', 'public.t', '0/1', 'a test', now())"
        )
    assert run("quarantine", "replay", "public.t")["tables"] == ["public.t"]
    run("replicate", "--until-now")
    assert run("quarantine") == []
    ((resolution,),) = ask(tmp_path, "select resolution from _flux.quarantine")
    assert resolution.startswith("copied again at")


def test_a_replay_gives_the_same_warehouse_and_keeps_the_old_one(run: Run, source: Source, tmp_path: Path) -> None:
    accept(tmp_path, track(1), track(2))
    run("replicate", "--until-now")
    source("update t set n = 3 where id = 1", "delete from u", "insert into t values (5, 5)")
    run("replicate", "--until-now")
    history = "select _op, id, n, _lsn, _seq from raw_app_history.t order by _lsn, _seq, id"
    before = ask(tmp_path, history)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as warehouse:  # a bug was in it
        warehouse.execute("update raw_app.t set n = 99; delete from raw_segment.tracks")
        warehouse.execute("insert into _flux.cuts (cut_id) values (7)")
    done = run("replay")
    assert (done["tables"], done["rows"], done["events"], done["lost"]) == (2, 3, 2, [])
    assert Path(done["kept"]).stat().st_size == done["kept_bytes"]
    assert ask(tmp_path, "from raw_app.t order by id") == [(1, 3), (2, 2), (5, 5)]
    assert ask(tmp_path, history) == before
    assert ask(tmp_path, "select count(*) from raw_segment.tracks") == [(2,)]
    assert ask(tmp_path, "select cut_id from _flux.cuts") == [(7,)]
    gaps = ask(tmp_path, "select relation, from_lsn from _flux.history_gaps order by 1")
    assert gaps == [("raw_app.t", 0), ("raw_app.u", 0)]
    assert ask(tmp_path, "select min(n) from raw_app.t", Path(done["kept"]).name) == [(99,)]
    source("insert into u values (9)")
    run("replicate", "--until-now")
    assert all(table["equal"] for table in run("verify")["tables"])


@pytest.mark.parametrize("place", ["replay.before_swap", "replay.after_swap", "load.before_commit"])
def test_a_kill_in_a_replay_leaves_a_whole_warehouse(
    run: Run, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    import ingestion.load.loader as loading

    run("replicate", "--until-now")
    source("update t set n = 3 where id = 1")
    run("replicate", "--until-now")

    def die(name: str) -> None:
        if name == place:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(successor, "reach", die)
        patch.setattr(loading, "reach", die)
        run("replay", code=130)
    assert ask(tmp_path, "from raw_app.t order by id") == [(1, 3), (2, 2)]
    source("update t set n = 4 where id = 1")
    run("replicate", "--until-now")
    done = run("replay")
    assert ask(tmp_path, "from raw_app.t order by id") == [(1, 4), (2, 2)]
    assert done["kept"]
    assert not list(tmp_path.glob(".*replay*"))
    named = [path for path in tmp_path.glob("warehouse.before-*") if path.samefile(tmp_path / "warehouse.duckdb")]
    assert not named


def test_a_replay_that_the_log_is_too_short_for_says_so_and_asks_for_copies(
    run: Run, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_LOG_KEEP_DAYS", "0")
    accept(tmp_path, track(1))
    run("replicate", "--until-now")
    accept(tmp_path, track(2))
    for n in range(3):
        source(f"update t set n = {n}")
        run("replicate", "--until-now")
    assert run("status")["log"]["replay"] == {
        "possible": False, "from_at": None, "from_lsn": None, "lacking": ["public.t", "public.u"],
    }  # fmt: skip
    assert "public.t, public.u; new copies are asked for" in run("replay", code=1)
    run("replicate", "--until-now")
    monkeypatch.setenv("FLUX_LOG_KEEP_DAYS", "30")
    done = run("replay")
    assert (done["tables"], done["events"], done["events_taken_over"]) == (2, 0, True)
    assert ask(tmp_path, "select count(*) from raw_segment.tracks") == [(2,)]
    assert ask(tmp_path, "select sum(accepted), sum(loaded) from _flux.segments") == [(2, 2)]
    accept(tmp_path, track(2), track(3))
    run("load")
    assert ask(tmp_path, "select count(*) from raw_segment.tracks") == [(3,)]
    assert all(table["equal"] for table in run("verify")["tables"])


def test_a_lost_warehouse_is_rebuilt(run: Run, tmp_path: Path) -> None:
    run("replicate", "--until-now")
    (tmp_path / "warehouse.duckdb").write_bytes(b"not a warehouse")
    done = run("replay")
    assert Path(done["kept"]).read_bytes() == b"not a warehouse"
    assert ask(tmp_path, "select count(*) from raw_app.t") == [(2,)]


def test_a_replay_into_another_warehouse_leaves_the_old_one(run: Run, tmp_path: Path) -> None:
    run("replicate", "--until-now")
    done = run("replay", "--into", f"duckdb:///{tmp_path / 'other.duckdb'}")
    assert done["kept"] is None
    assert ask(tmp_path, "select count(*) from raw_app.t", "other.duckdb") == [(2,)]
    assert "is there already" in run("replay", "--into", f"duckdb:///{tmp_path / 'other.duckdb'}", code=1)


def test_two_replays_within_a_second_keep_both_files_of_before(tmp_path: Path) -> None:
    live, new = tmp_path / "warehouse.duckdb", tmp_path / "new"
    live.write_text("first")
    for text in ("second", "third"):
        new.write_text(text)
        put_in_place(new, live)
    assert live.read_text() == "third"
    assert sorted(path.read_text() for path in tmp_path.glob("warehouse.before-*.duckdb")) == ["first", "second"]
