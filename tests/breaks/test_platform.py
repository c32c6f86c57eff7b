"""Break one thing of Flux itself after the other: `flux doctor` names it with the mend, its alert fires and clears.

Each test breaks a real thing (a slot, a file, a process, a right) unless its name says what stands for it. Longer than
`make test` bears: `make test-breaks`.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.log.directory import segment_numbers
from ingestion.log.segment import segment_name
from orchestration.checks.errors import ChecksError
from orchestration.locks import sole
from orchestration.walk import doctor
from orchestration.walk.doctor import dagster_state
from orchestration.walk.verification import _noted
from tests.breaks.watch import Do, Watch, edit, replicate, watch
from tests.orchestration.test_operation import Run, accept, run, source, track

__all__ = ["replicate", "run", "source", "watch"]


def test_log_read_only_as_a_file_system_says_it(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**ignored: object) -> None:
        raise OSError(30, "Read-only file system")

    patch = pytest.MonkeyPatch()
    watch.fires_once_and_clears(
        "log_read_only", "mount it for writing",
        lambda: patch.setattr("orchestration.walk.doctor.log.tempfile.TemporaryFile", refuse), patch.undo,
    )  # fmt: skip


def test_log_disk_full_as_the_disk_says_it(watch: Watch) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr("orchestration.walk.doctor.log.LOW_SHARE", 0.0)
    patch.setattr("orchestration.walk.doctor.log.LOW_BYTES", 1)
    watch.fires_once_and_clears(
        "log_disk_full", "FLUX_LOG_KEEP_BYTES",
        lambda: patch.setattr("orchestration.walk.doctor.log.LOW_BYTES", 1 << 60),
        lambda: patch.setattr("orchestration.walk.doctor.log.LOW_BYTES", 1),
    )  # fmt: skip
    patch.undo()


def test_log_segment_corrupt(watch: Watch, tmp_path: Path) -> None:
    log = tmp_path / "log" / "postgres"
    path = log / segment_name(segment_numbers(log)[-1])
    whole = path.read_bytes()
    watch.fires_once_and_clears(
        "log_corrupt", "", lambda: path.write_bytes(whole[:-16] + bytes(16)), lambda: path.write_bytes(whole)
    )


def test_warehouse_locked_by_a_stranger(watch: Watch, tmp_path: Path) -> None:
    program = "import duckdb,sys; c=duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    strangers: list[subprocess.Popen[str]] = []

    def come() -> None:
        stranger = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "warehouse.duckdb")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == "open\n"
        strangers.append(stranger)

    def go() -> None:
        strangers[0].communicate("")

    ill = watch.fires_once_and_clears("warehouse_locked", "published", come, go)
    assert str(strangers[0].pid) in ill.what


def test_warehouse_corrupt(watch: Watch, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    watch.fires_once_and_clears(
        "warehouse_corrupt", "flux replay", lambda: path.write_bytes(b"x" * 9000), lambda: run("replay")
    )


def test_warehouse_behind(watch: Watch, run: Run, source: Any) -> None:
    from orchestration.walk import loading
    from orchestration.walk.product import known_source

    patch = pytest.MonkeyPatch()

    def fall_back() -> None:
        source("update t set n = 9")
        loading.capture_now(watch.settings, known_source(watch.settings))
        patch.setattr("orchestration.walk.doctor.warehouse.BEHIND_SECONDS", 0)

    watch.fires_once_and_clears("warehouse_behind", "a loader runs", fall_back, lambda: run("load"))
    patch.undo()


def test_position_mismatch(watch: Watch, tmp_path: Path) -> None:
    log = tmp_path / "log" / "postgres"
    watch.fires_once_and_clears(
        "position_mismatch", "put the log back", lambda: log.rename(tmp_path / "away"),
        lambda: (tmp_path / "away").rename(log),
    )  # fmt: skip


def test_quarantine_growing(watch: Watch, run: Run, tmp_path: Path) -> None:
    def grow() -> None:
        accept(tmp_path, {"type": "nothing"})
        run("load")

    def rest() -> None:
        edit(
            tmp_path / "status.json",
            lambda told: [one.update(newest="2026-01-01") for one in told["quarantine"]["groups"]],
        )

    watch.fires_once_and_clears("quarantine_growing", "flux quarantine", grow, rest)


def test_event_identity_broken(watch: Watch, tmp_path: Path) -> None:
    undo: list[Do] = []
    watch.fires_once_and_clears(
        "events_unbalanced", "report this",
        lambda: undo.append(edit(tmp_path / "status.json", lambda told: told["events"].update(loaded=9))),
        lambda: undo[0](),
    )  # fmt: skip


def test_unknown_write_key_in_use(watch: Watch, run: Run, tmp_path: Path) -> None:
    from ingestion.events.record import KIND_EVENTS, UNKNOWN_SOURCE, Origin, encode_records
    from ingestion.log import LogWriter

    def come() -> None:
        with LogWriter.open(tmp_path / "log" / "events") as writer:
            origin = Origin("2026-11-23T05:44:00.000000Z", UNKNOWN_SOURCE, refused="unknown write key")
            writer.append(KIND_EVENTS, encode_records(origin, [json.dumps(track(7)).encode()]))
            writer.commit()
        run("load")

    def rest() -> None:
        edit(
            tmp_path / "status.json",
            lambda told: [one.update(newest="2026-01-01") for one in told["quarantine"]["groups"]],
        )

    watch.fires_once_and_clears("write_key_unknown", "FLUX_WRITE_KEYS", come, rest)


def test_tracking_plan_invalid(watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plan.yaml").write_text("events: [")
    watch.fires_once_and_clears(
        "tracking_plan_invalid", "FLUX_TRACKING_PLAN",
        lambda: monkeypatch.setenv("FLUX_TRACKING_PLAN", str(tmp_path / "plan.yaml")),
        lambda: monkeypatch.delenv("FLUX_TRACKING_PLAN"),
    )  # fmt: skip


def test_collector_and_capture_and_loader_down_where_flux_is_meant_to_run(watch: Watch, tmp_path: Path) -> None:
    with sole(watch.settings.alerts_lock):
        found = {check.name: check for check in doctor.examine(watch.settings)}
    for rule in ("collector_down", "capture_down"):
        assert found[rule].level == doctor.PROBLEM
        assert "flux up" in found[rule].mend


def test_great_expectations_engine_error(watch: Watch) -> None:
    def fail() -> list[Any]:
        raise ChecksError("the engine answered with an exception")

    def break_it() -> None:
        with pytest.raises(ChecksError):
            _noted(watch.settings, "landing", fail)

    watch.fires_once_and_clears(
        "checks_broken", "make install", break_it, lambda: _noted(watch.settings, "landing", list)
    )


def build(home: Path, status: str, built_at: str) -> None:
    """Write down a build of one mart with one test, as builds do."""
    (home / "dbt").mkdir(exist_ok=True)
    model, test = "model.flux.fct_x", "test.flux.assert_x"
    nodes = {
        model: {"resource_type": "model", "name": "fct_x", "schema": "marts", "depends_on": {"nodes": []}},
        test: {"resource_type": "test", "name": "assert_x", "schema": "tests", "depends_on": {"nodes": [model]}},
    }
    manifest = {"nodes": nodes, "sources": {}, "exposures": {}, "child_map": {model: [test], test: []}}
    (home / "dbt" / "manifest-x.json").write_text(json.dumps(manifest))
    result = {"cut": 1, "cut_at": built_at, "built_at": built_at, "failures": 3}
    results = {model: result | {"status": "success"}, test: result | {"status": status}}
    (home / "dbt" / "last_build.json").write_text(json.dumps({"manifest": "manifest-x.json", "results": results}))


def test_dbt_test_failing(watch: Watch, tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC).isoformat()
    build(tmp_path, "pass", now)
    ill = watch.fires_once_and_clears(
        "test_failing", "flux models fct_x", lambda: build(tmp_path, "fail", now), lambda: build(tmp_path, "pass", now)
    )
    assert ill.what == "the test assert_x of fct_x finds 3 rows"
    text = next(document["text"] for document in watch.hook.taken if "Test failing" in document["text"])
    assert "*Impact:* 1 model (fct_x)" in text


def test_mart_stale(watch: Watch, source: Any, replicate: Do, tmp_path: Path) -> None:
    source("update t set n = 7")  # the product goes on: a mart of before is old
    replicate()
    now = dt.datetime.now(dt.UTC).isoformat()
    build(tmp_path, "pass", now)
    with sole(watch.settings.alerts_lock):
        watch.fires_once_and_clears(
            "mart_stale", "flux build", lambda: build(tmp_path, "pass", "2026-01-01T00:00:00+00:00"),
            lambda: build(tmp_path, "pass", now),
        )  # fmt: skip


def test_dashboard_card_failing(watch: Watch, tmp_path: Path) -> None:
    note = tmp_path / "failing_cards.json"
    watch.fires_once_and_clears(
        "card_failing", "flux dashboards build", lambda: note.write_text('{"overview": ["members"]}'),
        lambda: note.write_text('{"overview": []}'),
    )  # fmt: skip


def test_dagster_daemon_dead(watch: Watch, tmp_path: Path) -> None:
    import dagster as dg
    from dagster._daemon.types import DaemonHeartbeat

    from orchestration.dagster_processes import prepare

    def beat(age: float) -> None:
        with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age, "SENSOR", "id", []))

    prepare(watch.settings)
    beat(0)
    with sole(watch.settings.alerts_lock):
        watch.fires_once_and_clears(
            "dagster_daemon_dead", "flux up", lambda: beat(dagster_state.BEAT_SECONDS + 60), lambda: beat(0)
        )


def test_clock_jump(watch: Watch, tmp_path: Path) -> None:
    undo: list[Do] = []
    ahead = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()
    watch.fires_once_and_clears(
        "clock_jumped", "NTP",
        lambda: undo.append(edit(tmp_path / "status.json", lambda told: told.update(written_at=ahead))),
        lambda: undo[0](),
    )  # fmt: skip


def test_package_version_unsupported(watch: Watch) -> None:
    patch = pytest.MonkeyPatch()
    watch.fires_once_and_clears(
        "version_unsupported", "make install",
        lambda: patch.setattr("orchestration.walk.doctor.setup.version", lambda name: "0.0.1"), patch.undo,
    )  # fmt: skip


def test_the_warehouse_opens_again_after_all_this(watch: Watch, tmp_path: Path) -> None:
    with closing(duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True)) as file:
        assert file.execute("select count(*) from raw_app.t").fetchall() == [(2,)]
