"""`flux replicate --follow` ends when one of its two halves does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingestion.errors import WarehouseError
from orchestration.cli.replicate import command
from orchestration.walk import loading


class GoneWarehouse:
    """A loader that loses its warehouse."""

    def follow(self, stop: threading.Event) -> None:
        raise WarehouseError("the warehouse's Postgres broke off")


def test_a_loader_that_fails_ends_the_capture_beside_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    monkeypatch.setenv("FLUX_SOURCE_URL", database)
    followed: list[bool] = []
    monkeypatch.setattr(loading, "loader", lambda settings: GoneWarehouse())
    monkeypatch.setattr(loading, "follow_source", lambda settings, source, stop: followed.append(stop.wait(10)))
    result = CliRunner().invoke(command, ["--follow"])
    assert followed == [True], "the capture went on alone"
    assert isinstance(result.exception, WarehouseError)
