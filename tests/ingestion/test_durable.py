"""A file that goes to the disk while it is written."""

import os
import threading
from pathlib import Path

import pytest

from ingestion.durable import synced_along


def test_file_goes_to_the_disk_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, real = threading.Event(), os.fdatasync

    def tell(descriptor: int) -> None:
        real(descriptor)
        assert os.path.samestat(os.fstat(descriptor), path.stat())
        synced.set()

    monkeypatch.setattr(os, "fdatasync", tell)
    path = tmp_path / "file"
    with path.open("wb") as file, synced_along(path):
        file.write(b"some")
        assert synced.wait(10)


def test_what_the_disk_refuses_meanwhile_is_told_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = threading.Event()

    def refuse(descriptor: int) -> None:
        refused.set()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", refuse)
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(OSError, match="No space left"), synced_along(path):
        assert refused.wait(10)


def test_error_of_the_writer_comes_before_that_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(ValueError, match="of the writer"), synced_along(path):
        raise ValueError("of the writer")
