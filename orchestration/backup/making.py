"""Make a backup while everything runs.

In this order, so that what is restored fits together: the warehouse, under its lease; then, still under it, links to
the log, which so holds everything that the warehouse has and goes on from there; after that nobody waits any more, and
the log, Dagster's storage and the rest are copied. Loads wait while the warehouse is copied. Capture and collector
never do.

Killed at any moment, the same command goes on: files that are whole and unchanged are not copied again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ingestion.durable import sync
from ingestion.log import LogReader
from ingestion.postgres.pgoutput.lsn import format_lsn
from ingestion.warehouse.duckdb.connection import wal
from ingestion.warehouse.lease import lease
from orchestration.backup.copying import copied, identity, noted
from orchestration.backup.databases import dump, still_files
from orchestration.backup.held import hold, let_go
from orchestration.backup.manifest import JOURNAL, NAME, File, Journal, Manifest
from orchestration.errors import BackupError
from orchestration.locks import holder, sole
from orchestration.settings import Settings
from orchestration.status import read_status

Progress = Callable[[str, int], None]  # what is copied, bytes so far

WAREHOUSE: Final = "warehouse.duckdb"
WAREHOUSE_DUMP: Final = "warehouse.dump"
DAGSTER: Final = "dagster"
DAGSTER_DUMP: Final = "dagster.dump"
# Small, or made once: what nobody can make again.
REST: Final = ("sources.toml", "alerts.json", "logs/queries.jsonl", "logs/queries.old.jsonl", "datasets")


def back_up(settings: Settings, target: Path, progress: Progress = lambda what, size: None) -> Manifest:
    """Back up FLUX_HOME, and the databases that the settings name, to the directory `target`.

    Goes on with one that was killed. Raises BackupError when `target` holds a whole backup, or anything else.
    """
    target = target.absolute()
    _require_place(settings, target)
    with sole(settings.home / "backup.lock", "flux backup") as free:
        if not free:
            raise BackupError(
                f"a backup of {str(settings.home)!r} is being made ({holder(settings.home / 'backup.lock')})"
            )
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.chmod(0o700)
        try:
            return _Making(settings, target, Journal(target, settings.home), progress).run()
        finally:
            let_go(settings.home)


def _require_place(settings: Settings, target: Path) -> None:
    if not settings.log_directory.exists() and not settings.warehouse_path.exists():
        raise BackupError(f"there is nothing of Flux in {str(settings.home)!r}; set FLUX_HOME")
    if target == settings.home or target.is_relative_to(settings.home):
        raise BackupError(
            f"{str(target)!r} lies in FLUX_HOME, and would be lost with it; name a directory on another disk"
        )
    if (target / NAME).exists():
        raise BackupError(f"{str(target)!r} holds a whole backup, which is not overwritten; name a new directory")
    if target.exists() and any(target.iterdir()) and not (target / JOURNAL).exists():
        raise BackupError(f"{str(target)!r} is not empty and holds no backup of Flux; name a new directory")


class _Making:
    """One backup under way."""

    def __init__(self, settings: Settings, target: Path, journal: Journal, progress: Progress) -> None:
        self._settings, self._target, self._journal, self._progress = settings, target, journal, progress
        self._files: dict[str, File] = {}
        self._bytes = 0

    def run(self) -> Manifest:
        home, begun = self._settings.home, datetime.now(UTC)
        with lease(home, "flux backup"):
            began = time.monotonic()
            warehouse = self._warehouse()
            if self._settings.status_path.exists():
                self._take(self._settings.status_path, "status.json")
            held = hold(home)
            seconds = time.monotonic() - began
        for file in held:
            self._take(file.link, file.path, limit=file.limit)
        dagster = self._dagster()
        for path, name in self._rest():
            self._take(path, name)
        status = read_status(self._target / "status.json")
        manifest = Manifest(
            flux=version("flux-data-platform"),
            home=str(home),
            begun_at=begun.isoformat(timespec="seconds"),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            warehouse=warehouse,
            dagster=dagster,
            captured_lsn=format_lsn(LogReader(self._target / "log" / "postgres").last_mark()),
            loaded_lsn=status.loaded_lsn if status is not None else "0/0",
            lease_seconds=round(seconds, 3),
            files=tuple(self._files[path] for path in sorted(self._files)),
        )
        self._sweep()
        self._progress(NAME, self._bytes)
        manifest.write(self._target)
        self._journal.remove()
        return manifest

    def _warehouse(self) -> str:
        if self._settings.has_postgres_warehouse:
            self._dump(self._settings.warehouse, WAREHOUSE_DUMP, "the warehouse's Postgres")
            return "postgres"
        live = self._settings.warehouse_path
        if not live.exists():
            return ""
        self._take(live, WAREHOUSE)
        if wal(live).exists():  # an owner that was killed left it; the next one reads it
            self._take(wal(live), f"{WAREHOUSE}.wal")
        return "duckdb"

    def _dagster(self) -> str:
        if self._settings.dagster_url is not None:
            self._dump(self._settings.dagster_url, DAGSTER_DUMP, "Dagster's Postgres")
            return "postgres"
        if not self._settings.dagster_home.exists():
            return ""
        for path in still_files(self._settings.dagster_home, self._target / DAGSTER):
            self._made(str(path.relative_to(self._target)))
        return "files"

    def _rest(self) -> Iterator[tuple[Path, str]]:
        for name in REST:
            path = self._settings.home / name
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file() and not file.is_symlink():
                    yield file, str(file.relative_to(self._settings.home))

    def _dump(self, url: str, name: str, what: str) -> None:
        self._progress(name, self._bytes)
        dump(url, self._target / name, what)
        self._made(name)

    def _made(self, path: str) -> None:
        """Take a file that was made in its place, anew at each try."""
        self._files[path] = noted(self._target / path, path)
        self._bytes += self._files[path].bytes
        self._progress(path, self._bytes)

    def _take(self, source: Path, path: str, *, limit: int | None = None) -> None:
        """Copy a file, unless it is here already."""
        with suppress(FileNotFoundError):  # what is not of the log may be removed by whoever it belongs to
            self._files[path] = self._known(source, path, limit) or self._copy(source, path, limit)
            self._bytes += self._files[path].bytes
            self._progress(path, self._bytes)

    def _known(self, source: Path, path: str, limit: int | None) -> File | None:
        known, here = self._journal.done.get(path), self._target / path
        if known is None or not here.exists() or here.stat().st_size != known.bytes:
            return None
        return known if known.source == identity(source.stat(), limit) else None

    def _copy(self, source: Path, path: str, limit: int | None) -> File:
        file = copied(source, self._target / path, path, limit=limit)
        self._journal.note(file)
        return file

    def _sweep(self) -> None:
        """Remove what an earlier try copied and the log has given up since; bring names to the disk."""
        for path in sorted(self._target.rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
                else:
                    path.chmod(0o700)
                    sync(path)
            elif str(path.relative_to(self._target)) not in self._files and path.name != JOURNAL:
                path.unlink()


def remove(directory: Path) -> None:
    """Remove a directory of ours whole, read-only folders (training sets) included."""
    for folder in [directory, *directory.rglob("*")]:
        if folder.is_dir() and not folder.is_symlink():
            folder.chmod(0o700)
    shutil.rmtree(directory)
