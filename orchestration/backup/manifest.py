"""The manifest of a backup, and the journal of one that is under way."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from ingestion.durable import sync
from orchestration.errors import BackupError

NAME: Final = "manifest.json"
JOURNAL: Final = "manifest.partial"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class File:
    """A file of a backup. `path` is relative to the backup, `mtime_ns` the original's: the log counts by some of them.

    `source` tells an original from another under the same name (inode, bytes, mtime); "" where that means nothing.
    """

    path: str
    bytes: int
    sha256: str
    mode: int
    mtime_ns: int
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds, and which state it is of.

    `warehouse` is "duckdb" or "postgres", `dagster` "files" or "postgres", each "" when there was none. `captured_lsn`
    is the end of the log, `loaded_lsn` that of the warehouse; what the source committed behind the first is not in it.
    """

    flux: str
    home: str
    begun_at: str
    made_at: str
    warehouse: str
    dagster: str
    captured_lsn: str
    loaded_lsn: str
    lease_seconds: float
    files: tuple[File, ...] = field(repr=False)
    format: int = FORMAT

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files)

    def write(self, directory: Path) -> None:
        """Make the backup a whole one."""
        draft = directory / f".{NAME}.draft"
        write_private(draft, json.dumps(asdict(self), indent=1) + "\n")
        draft.replace(directory / NAME)
        sync(directory)

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read the manifest of a whole backup. Raises BackupError when there is none that this Flux understands."""
        try:
            raw: dict[str, Any] = json.loads((directory / NAME).read_text())  # Any: JSON
        except FileNotFoundError:
            unfinished = (directory / JOURNAL).exists()
            raise BackupError(
                f"{str(directory)!r} holds "
                + ("a backup that was not finished; run its 'flux backup' again" if unfinished else "no backup")
            ) from None
        except ValueError as error:
            raise BackupError(f"the manifest of {str(directory)!r} is damaged; use another backup") from error
        if raw.get("format") != FORMAT:
            raise BackupError(
                f"the backup in {str(directory)!r} is of format {raw.get('format')!r}, this Flux reads {FORMAT}; "
                f"restore it with the Flux that made it ({raw.get('flux', 'unknown')})"
            )
        files = tuple(File(**file) for file in raw.pop("files"))
        for file in files:
            if Path(file.path).is_absolute() or ".." in Path(file.path).parts:
                raise BackupError(
                    f"the manifest of {str(directory)!r} names {file.path!r}, outside of it; it is not ours"
                )
        return cls(**raw, files=files)


class Journal:
    """What a backup under way has copied already, so that one that was killed is gone on with."""

    def __init__(self, directory: Path, home: Path) -> None:
        self._path = directory / JOURNAL
        self.done: dict[str, File] = {}
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        if lines and json.loads(lines[0]) != {"home": str(home)}:
            raise BackupError(
                f"{str(directory)!r} holds an unfinished backup of another FLUX_HOME; name another directory"
            )
        for line in lines[1:]:
            try:
                file = File(**json.loads(line))
            except ValueError:  # the last one, cut off
                continue
            self.done[file.path] = file
        if not lines:
            write_private(self._path, json.dumps({"home": str(home)}) + "\n")

    def note(self, file: File) -> None:
        """Note a file whose bytes are durable."""
        with self._path.open("a") as journal:
            journal.write(json.dumps(asdict(file)) + "\n")
        self.done[file.path] = file

    def remove(self) -> None:
        """Remove the journal of a backup that is whole."""
        self._path.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, and bring it to the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
