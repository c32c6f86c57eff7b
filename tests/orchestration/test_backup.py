"""Backup and restore: consistent beside what writes, gone on with after a kill, never over something."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import dagster as dg
import duckdb
import psycopg
import pytest
from click.testing import CliRunner

from ingestion.log import LogReader, LogWriter
from ingestion.log.directory import want, wishes
from ingestion.warehouse.lease import lease
from orchestration import dagster_processes
from orchestration.backup import back_up, check, restore
from orchestration.backup.held import hold
from orchestration.backup.manifest import JOURNAL, NAME, Manifest
from orchestration.cli.replicate import command as replicate
from orchestration.cli.verify import command as verify
from orchestration.errors import BackupError
from orchestration.locks import sole
from orchestration.settings import Settings


class Killed(BaseException):
    """Ends a backup or a restore at once, as a kill does: nothing is tidied up but what a `finally` does."""


def killed_after(steps: int) -> Callable[[str, int], None]:
    """Hear of progress, and die at the step of this number."""
    left = iter(range(steps))

    def hear(what: str, size: int) -> None:
        if next(left, None) is None:
            raise Killed

    return hear


@pytest.fixture
def home(two_tables: Path) -> Settings:
    """Settings of a FLUX_HOME with two tables, events in the log, Dagster's files and a training set."""
    settings = Settings.read()
    with LogWriter.open(settings.log_directory / "events") as writer:
        writer.append(7, [b"an event", b"another"])
    (settings.dagster_home / "history").mkdir(parents=True)
    with closing(sqlite3.connect(settings.dagster_home / "history" / "runs.db")) as runs:
        runs.executescript("pragma journal_mode = wal; create table runs (id int); insert into runs values (1)")
    dataset = settings.datasets_directory / "match" / "1"
    dataset.mkdir(parents=True)
    (dataset / "part.parquet").write_bytes(b"rows")
    dataset.chmod(0o500)
    settings.sources_file.write_text('[sources.default]\nwrite_keys = ["k"]\n')
    settings.sources_file.chmod(0o600)
    return settings


@pytest.fixture
def elsewhere(home: Settings, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of another, empty FLUX_HOME of the same source."""
    monkeypatch.setenv("FLUX_HOME", str(tmp_path_factory.mktemp("elsewhere") / "home"))
    return Settings.read()


@pytest.fixture
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a backup goes to."""
    return tmp_path_factory.mktemp("backups") / "one"


def contents(settings: Settings) -> dict[str, bytes]:
    """Every file below a home that a backup takes, but notes that tell of the moment."""
    names = ("log", "datasets", "sources.toml", "warehouse.duckdb", "status.json")
    files = [path for name in names for path in [settings.home / name, *(settings.home / name).rglob("*")]]
    return {
        str(path.relative_to(settings.home)): path.read_bytes()
        for path in files
        if path.is_file() and path.suffix != ".lock"
    }


def ask(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(settings.published_path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def equal() -> bool:
    """Whether source and warehouse of the environment's home are equal, after a run of replicate."""
    assert CliRunner().invoke(replicate, ["--until-now"], standalone_mode=False).return_value == 0
    done = CliRunner().invoke(verify, ["--json"], standalone_mode=False)
    return done.return_value == 0 and all(table["equal"] for table in json.loads(done.stdout)["tables"])


def test_what_was_backed_up_is_there_again_and_goes_on(
    home: Settings, elsewhere: Settings, target: Path, database: str
) -> None:
    made = back_up(home, target)
    restore(elsewhere, target)

    assert contents(elsewhere) == contents(home)
    assert check(target) == made
    with closing(sqlite3.connect(elsewhere.dagster_home / "history" / "runs.db")) as runs:
        assert runs.execute("select * from runs").fetchall() == [(1,)]
    with psycopg.connect(database, autocommit=True) as source:
        source.execute("insert into t values (3)")
    shutil.rmtree(home.log_directory)  # the machine of before is gone
    assert equal()
    assert ask(elsewhere, "select count(*) from raw_app.t") == [(3,)]


def test_a_slot_beyond_the_restored_log_is_a_gap_that_is_told_and_healed(
    home: Settings, elsewhere: Settings, target: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(home, target)
    with psycopg.connect(database, autocommit=True) as source:
        source.execute("insert into t values (3); delete from t where id = 1")
    monkeypatch.setenv("FLUX_HOME", str(home.home))
    assert equal()
    with psycopg.connect(database, autocommit=True) as source:
        source.execute("insert into u values (2)")
    monkeypatch.setenv("FLUX_HOME", str(elsewhere.home))
    restore(elsewhere, target)

    assert equal()
    assert ask(elsewhere, "select id from raw_app.t order by id") == [(2,), (3,)]
    assert ask(elsewhere, "select count(*) from _flux.history_gaps") != [(0,)]
    assert ask(elsewhere, "select id from raw_app_history.t where _op = 'resync'") == [(3,)]
    assert ask(elsewhere, "select _op from raw_app_history.t where id = 1 order by _epoch, _lsn, _seq")[-1] == (
        "delete",
    )


def test_a_log_may_be_a_disk_that_is_mounted_already(home: Settings, elsewhere: Settings, target: Path) -> None:
    back_up(home, target)
    (elsewhere.log_directory / "lost+found").mkdir(parents=True)
    place = elsewhere.log_directory.stat().st_ino
    restore(elsewhere, target)

    assert elsewhere.log_directory.stat().st_ino == place
    assert contents(elsewhere) == contents(home)


def test_files_are_the_owners_alone_and_keep_times_that_the_log_counts_by(
    home: Settings, elsewhere: Settings, target: Path
) -> None:
    want(home.log_directory / "copies", 4711, "a test asked")
    back_up(home, target)
    restore(elsewhere, target)

    for root in (target, elsewhere.log_directory):
        assert not [path for path in [root, *root.rglob("*")] if path.is_dir() and path.stat().st_mode & 0o077]
    asked = elsewhere.log_directory / "copies" / "wanted" / "4711"
    assert asked.stat().st_mtime == wishes(elsewhere.log_directory / "copies") == 1
    assert elsewhere.sources_file.stat().st_mode & 0o777 == 0o600


def test_of_a_log_that_is_written_to_just_what_was_acknowledged_is_taken(
    home: Settings, elsewhere: Settings, target: Path
) -> None:
    log = home.log_directory / "events"
    with LogWriter.open(log, segment_bytes=1) as writer:  # a segment for each commit
        writer.append(7, [b"acknowledged"])
        end = writer.commit()
        path = log / f"{end.segment:016d}.seg"
        with path.open("ab") as segment:
            segment.write(b"half a block that nobody was told of")
        back_up(home, target)
        writer.append(7, [b"later"])
        writer.commit()
    restore(elsewhere, target)

    found = LogReader(elsewhere.log_directory / "events")
    assert found.durable_end() == end
    assert (found.directory / path.name).stat().st_size == end.offset
    assert [bytes(record) for block in found.blocks() for record in block][-1] == b"acknowledged"
    with LogWriter.open(found.directory) as again:
        assert again.end == end


def test_segments_that_retention_takes_meanwhile_are_in_the_backup(home: Settings) -> None:
    held = hold(home.home)
    segments = [file for file in held if file.link.suffix == ".seg"]
    for name in ("copies", "events", "postgres"):
        shutil.rmtree(home.log_directory / name)

    assert {file.path.split("/")[1] for file in segments} == {"copies", "events", "postgres"}
    assert all(file.link.stat().st_size for file in segments)


def test_a_killed_backup_is_no_backup_and_is_gone_on_with(home: Settings, elsewhere: Settings, target: Path) -> None:
    for steps in range(12):  # each time at another file, and then on to a later one
        with pytest.raises(Killed):
            back_up(home, target, killed_after(steps))
        with pytest.raises(BackupError, match="was not finished"):
            Manifest.read(target)
        with (target / JOURNAL).open("a") as journal:
            journal.write('{"path": "cut o\n')
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.seg")}
    changed = {path: path.stat().st_ctime_ns for path in before}
    back_up(home, target)

    assert before
    assert {path: path.stat().st_ctime_ns for path in before} == changed  # not written again
    restore(elsewhere, target)
    assert contents(elsewhere) == contents(home)


def test_a_killed_restore_is_gone_on_with(home: Settings, elsewhere: Settings, target: Path) -> None:
    back_up(home, target)
    told: list[str] = []
    restore(elsewhere, target, lambda what, size: told.append(what))
    for steps in range(0, len(told), 3):
        settings = dataclasses.replace(elsewhere, home=elsewhere.home.with_name(f"killed-{steps}"))
        with pytest.raises(Killed):
            restore(settings, target, killed_after(steps))
        restore(settings, target)
        assert contents(settings) == contents(home)
        assert not (settings.home / "restore.partial").exists()


def test_nothing_is_overwritten(home: Settings, elsewhere: Settings, target: Path, tmp_path: Path) -> None:
    back_up(home, target)
    with pytest.raises(BackupError, match="holds a whole backup"):
        back_up(home, target)
    with pytest.raises(BackupError, match="lies in FLUX_HOME"):
        back_up(home, home.home / "backup")
    (target.parent / "other").mkdir()
    (target.parent / "other" / "letter").write_text("mine")
    with pytest.raises(BackupError, match="is not empty and holds no backup"):
        back_up(home, target.parent / "other")
    with pytest.raises(BackupError, match=r"'.*/warehouse.duckdb', '.*/log' are there, and nothing is overwritten"):
        restore(home, target)
    restore(elsewhere, target)
    before = contents(elsewhere)
    with pytest.raises(BackupError, match="nothing is overwritten"):
        restore(elsewhere, target)
    assert contents(elsewhere) == before


def test_an_unfinished_backup_of_another_home_is_not_gone_on_with(
    home: Settings, elsewhere: Settings, target: Path
) -> None:
    with pytest.raises(Killed):
        back_up(home, target, killed_after(3))
    elsewhere.log_directory.mkdir(parents=True)
    with pytest.raises(BackupError, match="unfinished backup of another FLUX_HOME"):
        back_up(elsewhere, target)


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_damaged_backup_is_named_and_nothing_is_put_in_place(
    home: Settings, elsewhere: Settings, target: Path, harm: str
) -> None:
    back_up(home, target)
    path = target / "warehouse.duckdb"
    if harm == "missing":
        path.unlink()
    else:
        raw = bytearray(path.read_bytes())
        raw[5000] ^= 1
        path.write_bytes(raw)

    looks: tuple[Callable[[], object], ...] = (lambda: check(target), lambda: restore(elsewhere, target))
    for look in looks:
        with pytest.raises(BackupError, match=r"is damaged: 'warehouse.duckdb' (differs|is missing)"):
            look()
    assert not elsewhere.log_directory.exists()
    assert not elsewhere.warehouse_path.exists()


def test_a_manifest_that_leads_elsewhere_or_is_newer_is_refused(home: Settings, target: Path) -> None:
    back_up(home, target)
    raw = json.loads((target / NAME).read_text())
    (target / NAME).write_text(json.dumps(raw | {"format": 2, "flux": "9.9"}))
    with pytest.raises(BackupError, match=r"of format 2, this Flux reads 1; restore it with .* \(9.9\)"):
        Manifest.read(target)
    raw["files"][0]["path"] = "../../etc/passwd"
    (target / NAME).write_text(json.dumps(raw))
    with pytest.raises(BackupError, match="outside of it"):
        Manifest.read(target)


def test_a_restore_beside_something_that_runs_is_refused(home: Settings, elsewhere: Settings, target: Path) -> None:
    back_up(home, target)
    with sole(elsewhere.capture_lock, "capture"), pytest.raises(BackupError, match="Flux runs in"):
        restore(elsewhere, target)
    with lease(elsewhere.home, "loader"), pytest.raises(BackupError, match="stop all of Flux first"):
        restore(elsewhere, target)


def test_dagsters_storage_in_a_postgres_comes_back(
    home: Settings, elsewhere: Settings, target: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DAGSTER_HOME", "DAGSTER_STORAGE_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("FLUX_DAGSTER_URL", database)
    with psycopg.connect(database, autocommit=True) as source:
        source.execute("drop table t, u; drop publication flux")
    there = Settings.read()
    settings = Settings.read({**os.environ, "FLUX_HOME": str(home.home)})
    dagster_processes.prepare(settings)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        run = instance.create_run_for_job(dg.JobDefinition(name="once", graph_def=dg.GraphDefinition(name="once")))
    assert back_up(settings, target).dagster == "postgres"

    with pytest.raises(BackupError, match="Dagster's Postgres is not empty"):
        restore(there, target)
    with psycopg.connect(database, autocommit=True) as storage:
        storage.execute("drop schema public cascade; create schema public")
    restore(there, target)
    dagster_processes.prepare(there)
    with dg.DagsterInstance.from_config(str(there.dagster_home)) as instance:
        assert [found.run_id for found in instance.get_runs()] == [run.run_id]
    assert contents(there) == contents(home)


def test_settings_of_another_kind_than_the_backup_are_refused(
    home: Settings, elsewhere: Settings, target: Path
) -> None:
    back_up(home, target)
    other = Settings.read({"FLUX_HOME": str(elsewhere.home), "FLUX_DAGSTER_URL": "postgresql://a@b/c"})
    with pytest.raises(BackupError, match="storage as files, and the settings say postgres; unset FLUX_DAGSTER_URL"):
        restore(other, target)
    other = Settings.read({"FLUX_HOME": str(elsewhere.home), "FLUX_WAREHOUSE_URL": "postgresql://a@b/c"})
    with pytest.raises(BackupError, match="has a duckdb warehouse"):
        restore(other, target)
