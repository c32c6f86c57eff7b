"""Restore a backup into a FLUX_HOME that has none of it, and never over something.

Files are brought beside their places first, each held against its hash; only when all are whole they take their places,
the log last: a capture that is started too early begins anew and copies, it never goes on from half a log. Killed at
any moment, the same command goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from ingestion.durable import sync
from ingestion.errors import LeaseError
from ingestion.warehouse.duckdb.connection import wal
from ingestion.warehouse.lease import lease
from orchestration.backup.copying import copied, dress, hashed
from orchestration.backup.databases import put_back
from orchestration.backup.making import DAGSTER_DUMP, WAREHOUSE, WAREHOUSE_DUMP, remove
from orchestration.backup.manifest import File, Manifest, write_private
from orchestration.errors import BackupError
from orchestration.locks import holder, sole
from orchestration.settings import Settings

Progress = Callable[[str, int], None]

BESIDE: Final = "restore.partial"
_DUMPS: Final = (WAREHOUSE_DUMP, DAGSTER_DUMP)
_OF: Final = "of.json"


def check(directory: Path, progress: Progress = lambda what, size: None) -> Manifest:
    """Hold every file of a backup against its hash. Raises BackupError for the first that differs."""
    manifest, size = Manifest.read(directory), 0
    for file in manifest.files:
        _require_whole(directory / file.path, file)
        size += file.bytes
        progress(file.path, size)
    return manifest


def restore(settings: Settings, directory: Path, progress: Progress = lambda what, size: None) -> Manifest:
    """Put a backup in place. Raises BackupError when it is damaged, or something of it is there already."""
    manifest = Manifest.read(directory)
    _require_kinds(settings, manifest)
    with ExitStack() as stack:
        for lock in (settings.up_lock, settings.capture_lock, settings.home / "backup.lock"):
            if not stack.enter_context(sole(lock, "flux restore")):
                raise BackupError(f"Flux runs in {str(settings.home)!r} ({holder(lock)}); stop all of it first")
        try:
            stack.enter_context(lease(settings.home, "flux restore", wait_seconds=0))
        except LeaseError as error:
            raise BackupError(f"{error}; stop all of Flux first") from error
        beside = _open(settings, manifest)
        size = 0
        for file in manifest.files:
            _bring(directory / file.path, beside / file.path, file)
            size += file.bytes
            progress(file.path, size)
        _put_in_place(settings, beside, manifest, lambda name: progress(name, size))
    return manifest


def _require_kinds(settings: Settings, manifest: Manifest) -> None:
    """The settings must name a warehouse and a storage of the kinds that the backup has."""
    warehouse = "postgres" if settings.has_postgres_warehouse else "duckdb"
    if manifest.warehouse not in ("", warehouse):
        raise BackupError(
            f"the backup has a {manifest.warehouse} warehouse, FLUX_WAREHOUSE_URL names a {warehouse} one; set it to "
            f"an empty {manifest.warehouse} one"
        )
    dagster = "postgres" if settings.dagster_url is not None else "files"
    if manifest.dagster not in ("", dagster):
        raise BackupError(
            f"the backup has Dagster's storage as {manifest.dagster}, and the settings say {dagster}; "
            + ("unset FLUX_DAGSTER_URL" if manifest.dagster == "files" else "set FLUX_DAGSTER_URL to an empty database")
        )


def _open(settings: Settings, manifest: Manifest) -> Path:
    """Give the directory in which files are made whole. Raises BackupError where something would be overwritten."""
    beside = settings.home / BESIDE
    mine = f"{manifest.made_at} {manifest.home}"
    if beside.exists() and (beside / _OF).exists() and (beside / _OF).read_text() != mine:
        raise BackupError(f"another backup was being restored here; remove {str(beside)!r} to give that up")
    going_on = (beside / _OF).exists()
    there = [
        place
        for name, place in _places(settings, manifest)
        if not _is_free(place, going_on=going_on) and (not going_on or (beside / name).exists())
    ]
    if there:
        raise BackupError(
            f"{', '.join(repr(str(place)) for place in there)} {'is' if len(there) == 1 else 'are'} there, and nothing "
            "is overwritten; move it away, or set FLUX_HOME to an empty directory"
        )
    beside.mkdir(mode=0o700, exist_ok=True)
    write_private(beside / _OF, mine)
    return beside


def _places(settings: Settings, manifest: Manifest) -> Iterator[tuple[str, Path]]:
    """What takes its place as one: name in the backup, and the place. The log is the last."""
    names = {Path(file.path).parts[0] if not file.path.startswith("logs/") else file.path for file in manifest.files}
    for name in sorted(names - {"log", *_DUMPS}) + sorted(names & {"log"}):
        if name == WAREHOUSE:
            yield name, settings.warehouse_path
        elif name == f"{WAREHOUSE}.wal":
            yield name, wal(settings.warehouse_path)
        else:
            yield name, settings.home / name


def _bring(source: Path, target: Path, file: File) -> None:
    """Copy a file beside its place unless it is there whole. Raises BackupError when the backup is damaged."""
    if target.exists() and target.stat().st_size == file.bytes and hashed(target) == file.sha256:
        dress(target, file.mode, file.mtime_ns)
        return
    try:
        done = copied(source, target, file.path)
    except FileNotFoundError as error:
        raise _damaged(file.path, "is missing") from error
    if (done.bytes, done.sha256) != (file.bytes, file.sha256):
        target.unlink()
        raise _damaged(file.path, "differs from its hash")
    dress(target, file.mode, file.mtime_ns)


def _put_in_place(settings: Settings, beside: Path, manifest: Manifest, told: Callable[[str], None]) -> None:
    if (beside / WAREHOUSE_DUMP).exists():
        put_back(settings.warehouse, beside / WAREHOUSE_DUMP, "the warehouse's Postgres")
        (beside / WAREHOUSE_DUMP).unlink()
    if settings.dagster_url is not None and (beside / DAGSTER_DUMP).exists():
        put_back(settings.dagster_url, beside / DAGSTER_DUMP, "Dagster's Postgres")
        (beside / DAGSTER_DUMP).unlink()
    for name, place in _places(settings, manifest):
        if (beside / name).exists():
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _move(beside / name, place)
            told(name)
    remove(beside)


def _is_free(place: Path, *, going_on: bool) -> bool:
    """Whether nothing is there that could be overwritten. The log may be a disk of its own, mounted already."""
    if not place.is_dir():
        return not place.exists()
    return (going_on and place.is_mount()) or not [path for path in place.iterdir() if path.name != "lost+found"]


def _move(source: Path, place: Path) -> None:
    """Move a file or a directory, also to another disk, where a file gets its name once it is whole."""
    apart = source.stat().st_dev != place.parent.stat().st_dev
    if source.is_dir() and (apart or place.is_dir()):
        place.mkdir(mode=0o700, exist_ok=True)
        for child in sorted(source.iterdir()):
            _move(child, place / child.name)
        source.rmdir()
    elif apart:
        draft = place.with_name(f".{place.name}.draft")
        copied(source, draft, place.name)
        draft.replace(place)
        source.unlink()
    else:
        source.replace(place)
    sync(place.parent)


def _require_whole(path: Path, file: File) -> None:
    try:
        if path.stat().st_size != file.bytes or hashed(path) != file.sha256:
            raise _damaged(file.path, "differs from its hash")
    except FileNotFoundError as error:
        raise _damaged(file.path, "is missing") from error


def _damaged(path: str, what: str) -> BackupError:
    return BackupError(f"the backup is damaged: {path!r} {what}; use another one. Nothing was put in place")
