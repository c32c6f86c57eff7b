"""Which events were sent, and which had their 200: written down before the one and right after the other.

An event's id is RUN-NUMBER. A file holds lines `RUN,FIRST,LAST`, each brought to disk before anything goes on; so a
soak of days needs no gigabytes for it. What had its 200 and is not noted was merely not promised to us.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

SENT: Final = "sent"
ACKNOWLEDGED: Final = "acknowledged"
PREFIX: Final = "soak"


class Notes:
    """A file of ranges of one client. Not thread-safe: each client has its own."""

    def __init__(self, directory: Path, client: str, kind: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = os.open(directory / f"{client}.{kind}", flags, 0o600)

    def add(self, run: str, first: int, last: int) -> None:
        """Note the numbers from first to last, and bring that to disk."""
        self._write(f"{run},{first},{last}\n")

    def add_ids(self, ids: Iterable[str]) -> None:
        """Note ids, and bring that to disk."""
        lines = [f"{run},{first},{last}\n" for run, first, last in ranges(ids)]
        if lines:
            self._write("".join(lines))

    def _write(self, text: str) -> None:
        os.write(self._file, text.encode())
        os.fdatasync(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def ranges(ids: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Put ids of neighbours together, in the order in which they come."""
    current: tuple[str, int, int] | None = None
    for each in ids:
        run, _, text = each.rpartition("-")
        number = int(text)
        if current is not None and current[0] == run and current[2] + 1 == number:
            current = (run, current[1], number)
            continue
        if current is not None:
            yield current
        current = (run, number, number)
    if current is not None:
        yield current


class Counter:
    """Counts the events that all files of a kind note; reads on from where it stood."""

    def __init__(self, directory: Path, kind: str) -> None:
        self._directory, self._kind = directory, kind
        self._read: dict[Path, int] = {}
        self._count = 0

    def count(self) -> int:
        """Count again."""
        for path in self._directory.glob(f"*.{self._kind}"):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            for line in whole.splitlines():
                _, first, last = line.split(b",")
                self._count += int(last) - int(first) + 1
        return self._count
