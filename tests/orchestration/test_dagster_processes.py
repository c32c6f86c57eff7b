"""Dagster's processes under a supervisor of one's own: their instance, its storage in a Postgres, their health."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster_postgres import PostgresEventLogStorage

from orchestration import dagster_processes as processes
from orchestration.errors import FluxError
from orchestration.locks import sole
from orchestration.settings import Settings
from orchestration.walk.health import look


def _settings(tmp_path: Path, **more: str) -> Settings:
    return Settings.read({"FLUX_HOME": str(tmp_path / "home"), **more})


def test_the_instance_is_the_checkouts_and_names_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    settings = _settings(tmp_path, FLUX_DAGSTER_URL="postgresql://dagster:s3cret@storage/dagster")
    monkeypatch.setenv("DAGSTER_STORAGE_URL", "")
    processes.prepare(settings, processes.Address("code-server", 4000))
    text = (settings.dagster_home / "dagster.yaml").read_text()
    instance = yaml.safe_load(text)
    assert "s3cret" not in text
    assert instance["storage"] == {"postgres": {"postgres_url": {"env": "DAGSTER_STORAGE_URL"}}}
    assert instance["run_monitoring"]["enabled"]
    assert instance["retention"]["sensor"]["purge_after_days"]["skipped"] == 2
    workspace = yaml.safe_load(processes.workspace(settings).read_text())
    assert workspace["load_from"] == [{"grpc_server": {"host": "code-server", "port": 4000, "location_name": "flux"}}]
    assert sorted(path.name for path in settings.dagster_home.iterdir()) == ["dagster.yaml", "workspace.yaml"]


def test_without_a_url_the_storage_lies_below_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    settings = _settings(tmp_path)
    processes.prepare(settings)
    assert "storage" not in yaml.safe_load((settings.dagster_home / "dagster.yaml").read_text())
    assert set(processes.environment(settings)) == {"DAGSTER_HOME"}


def test_dagster_keeps_its_runs_in_the_postgres_that_is_named(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(tmp_path, FLUX_DAGSTER_URL=database)
    for name in ("DAGSTER_HOME", "DAGSTER_STORAGE_URL"):
        monkeypatch.setenv(name, "")
    processes.prepare(settings)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)

        @dg.op
        def nothing() -> None: ...

        @dg.job
        def once() -> None:
            nothing()

        assert once.execute_in_process(instance=instance).success
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as again:
        assert [run.job_name for run in again.get_runs()] == ["once"]


@pytest.mark.parametrize("text", ["4000", "code-server", "code-server:", ":4000"])
def test_an_address_without_host_or_port_is_refused(text: str) -> None:
    with pytest.raises(FluxError, match="wants HOST:PORT"):
        processes.Address.parse(text)


def test_a_process_becomes_the_module_with_the_secrets_in_its_environment_alone(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://dagster:s3cret@storage/dagster\n")
    program = (
        "from orchestration import dagster_processes as p; from orchestration.settings import Settings;"
        "p.become(Settings.read(), 'tests.orchestration.told', ('a', '-b'))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "FLUX_HOME": str(tmp_path), "FLUX_DAGSTER_URL_FILE": str(tmp_path / "url")},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert yaml.safe_load(told.stdout) == {
        "arguments": ["a", "-b"],
        "DAGSTER_HOME": str(tmp_path / "dagster"),
        "DAGSTER_STORAGE_URL": "postgresql+psycopg2://dagster:s3cret@storage/dagster",
    }


def test_health_is_told_of_a_capture_by_its_lock(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with pytest.raises(FluxError, match="capture is not well"):
        look(settings, "capture")
    with sole(settings.capture_lock):
        look(settings, "capture")


def test_health_is_told_of_a_loader_by_the_lease_or_a_fresh_status(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with pytest.raises(FluxError, match="loader is not well"):
        look(settings, "loader")
    settings.home.mkdir(exist_ok=True)
    settings.status_path.write_text("{}")
    look(settings, "loader")
    os.utime(settings.status_path, (0, 0))
    with pytest.raises(FluxError, match="loader is not well"):
        look(settings, "loader")


def test_health_of_a_name_that_nobody_has_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FluxError, match="no process is named 'loder'; there are capture, loader"):
        look(_settings(tmp_path), "loder")
