"""Break one thing of Flux itself after the other: `flux doctor` names it with the mend, its alert fires and clears.

Each test breaks a real thing (a file, a row, a package's metadata) unless it says what stands for it: time that passes
is always an offset. Disks, processes, the source's server and the quality of data have files of their own.
`make test-breaks`; a few of them in every run (tests/alerts/test_some_breaks.py).
"""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.log.directory import segment_numbers
from ingestion.log.segment import segment_name
from orchestration.locks import sole
from tests.breaks.watch import Do, Watch, edit, replicate, watch
from tests.orchestration.test_operation import Run, accept, run, source

__all__ = ["replicate", "run", "source", "watch"]


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


def test_event_identity_broken(watch: Watch, run: Run, tmp_path: Path) -> None:
    def count(more: int) -> None:
        with closing(duckdb.connect(str(tmp_path / "warehouse.duckdb"))) as file:
            file.execute("update _flux.segments set loaded = loaded + $1", [more])
        run("load")

    watch.fires_once_and_clears("events_unbalanced", "report this", lambda: count(9), lambda: count(-9))


def test_tracking_plan_invalid(watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plan.yaml").write_text("events: [")
    watch.fires_once_and_clears(
        "tracking_plan_invalid", "FLUX_TRACKING_PLAN",
        lambda: monkeypatch.setenv("FLUX_TRACKING_PLAN", str(tmp_path / "plan.yaml")),
        lambda: monkeypatch.delenv("FLUX_TRACKING_PLAN"),
    )  # fmt: skip


def test_clock_jump(watch: Watch, tmp_path: Path) -> None:
    undo: list[Do] = []
    ahead = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()
    watch.fires_once_and_clears(
        "clock_jumped", "NTP",
        lambda: undo.append(edit(tmp_path / "status.json", lambda told: told.update(written_at=ahead))),
        lambda: undo[0](),
    )  # fmt: skip


def test_package_version_unsupported(watch: Watch, tmp_path: Path) -> None:
    metadata = tmp_path / "site" / "duckdb-0.0.1.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: duckdb\nVersion: 0.0.1\n")
    patch = pytest.MonkeyPatch()
    ill = watch.fires_once_and_clears(
        "version_unsupported", "make install", lambda: patch.syspath_prepend(metadata.parents[1]), patch.undo
    )
    assert "duckdb is 0.0.1" in ill.what


def test_unknown_setting(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    ill = watch.fires_once_and_clears(
        "setting_wrong", "FLUX_SLOT",
        lambda: monkeypatch.setenv("FLUX_SLOTT", "x"), lambda: monkeypatch.delenv("FLUX_SLOTT"),
    )  # fmt: skip
    assert "FLUX_SLOTT" in ill.what


def test_schema_changed_and_capture_behind(watch: Watch, source: Any, replicate: Do, tmp_path: Path) -> None:
    def long_ago() -> None:  # after a day nobody is told of it any more
        edit(
            tmp_path / "status.json",
            lambda told: [one.update(noticed_at="2026-01-01") for one in told["schema_changes"]],
        )

    ill = watch.fires_once_and_clears(
        "schema_changed", "landing contract",
        lambda: (source("alter table t alter column n type text"), replicate()), long_ago,
    )  # fmt: skip
    assert "'n' of public.t" in ill.what
    patch = pytest.MonkeyPatch()
    with sole(watch.settings.capture_lock):  # a capture that runs and brings nothing
        watch.fires_once_and_clears(
            "capture_behind", "walsender",
            lambda: patch.setattr("orchestration.walk.doctor.log.BEHIND_SECONDS", -1.0), patch.undo,
        )  # fmt: skip


def test_the_warehouse_opens_again_after_all_this(watch: Watch, tmp_path: Path) -> None:
    with closing(duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True)) as file:
        assert file.execute("select count(*) from raw_app.t").fetchall() == [(2,)]
