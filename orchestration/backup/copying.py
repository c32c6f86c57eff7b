"""Copy a file with the hash of what was read, and make it durable."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Final

from ingestion.durable import sync
from orchestration.backup.manifest import File

_CHUNK: Final = 4 << 20


def copied(source: Path, target: Path, path: str, *, limit: int | None = None) -> File:
    """Copy the first `limit` bytes of a file (None: all), durably, with its mode and time. Raises OSError."""
    for folder in reversed(target.parents):
        folder.mkdir(exist_ok=True, mode=0o700)
    digest, left = hashlib.sha256(), limit
    with source.open("rb") as reader:
        told = os.fstat(reader.fileno())
        mode = stat.S_IMODE(told.st_mode)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as writer:
            while left is None or left > 0:
                chunk = reader.read(_CHUNK if left is None else min(_CHUNK, left))
                if not chunk:
                    break
                digest.update(chunk)
                writer.write(chunk)
                left = None if left is None else left - len(chunk)
            size = writer.tell()
            writer.flush()
            os.fsync(writer.fileno())
    dress(target, mode, told.st_mtime_ns)
    return File(path, size, digest.hexdigest(), mode, told.st_mtime_ns, identity(told, limit))


def noted(path: Path, name: str) -> File:
    """Make a file durable that was written by others, and give what the manifest says of it."""
    sync(path)
    told = path.stat()
    return File(name, told.st_size, hashed(path), stat.S_IMODE(told.st_mode), told.st_mtime_ns)


def hashed(path: Path) -> str:
    """The SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def dress(path: Path, mode: int, mtime_ns: int) -> None:
    """Give a file its mode and time."""
    path.chmod(mode)
    os.utime(path, ns=(mtime_ns, mtime_ns))


def identity(told: os.stat_result, limit: int | None) -> str:
    """What tells an original from another one of the same name. A part of a file that grows is known by its length."""
    when = told.st_mtime_ns if limit is None else 0
    return f"{told.st_ino}-{told.st_size if limit is None else limit}-{when}"
