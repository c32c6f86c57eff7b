"""What an interrupted build had finished: parts that are whole and on the disk, by split.

A part is entered after it was flushed, so one that is listed is whole; its hash is checked all the same before it is
built upon. What is not listed is half a file, and removed.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from training.directory import flush
from training.papers import file_sha256

_NAME = ".journal.json"


def close(directory: Path) -> None:
    """Remove the journal: the directory is about to become a dataset."""
    (directory / _NAME).unlink()


class Part(TypedDict):
    """A finished part; `last` says that its split ends with it."""

    file: str
    rows: int
    sha256: str
    last: bool


class Journal:
    """The journal of one temporary directory, read when it is made."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / _NAME
        self._parts: list[Part] = self._read()
        self._sweep()

    def parts(self, split: str) -> Sequence[Part]:
        """Give the finished parts of a split, in order."""
        return [part for part in self._parts if part["file"].startswith(f"{split}/")]

    def enter(self, path: Path, rows: int, last: bool) -> None:
        """Enter a part that is finished, after making it durable."""
        flush(path)
        flush(path.parent)
        name = path.relative_to(self._directory).as_posix()
        self._parts.append(Part(file=name, rows=rows, sha256=file_sha256(path), last=last))
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(self._parts), encoding="utf-8")
        flush(draft)
        draft.replace(self._path)
        flush(self._directory)

    def _read(self) -> list[Part]:
        """Read what was entered, up to the first part that is not what it was."""
        try:
            entered: list[Part] = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return []
        sound: list[Part] = []
        for part in entered:
            path = self._directory / part["file"]
            if not path.is_file() or file_sha256(path) != part["sha256"]:
                break
            sound.append(part)
        return sound

    def _sweep(self) -> None:
        kept = {part["file"] for part in self._parts}
        for path in self._directory.rglob("*"):
            name = path.relative_to(self._directory).as_posix()
            if path.is_file() and path != self._path and name not in kept:
                path.unlink()
