"""The stand-in for BigQuery: one process for a test run, and a prefix of datasets for each test."""

import os
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.server import free_port
from ingestion.warehouse.bigquery.service import EMULATOR
from tests.bigquery.warehouse import BigqueryWarehouse

PROGRAM = Path(".venv-bqemulator/bin/bqemulator")
_START_SECONDS = 120


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the emulator. Skips where there is none: make test-bigquery installs it."""
    pytest.importorskip("google.cloud.bigquery", reason="Google's client is not installed; run make test-bigquery")
    if address := os.environ.get(EMULATOR):
        yield address
        return
    if not PROGRAM.exists():
        pytest.skip("no emulator of BigQuery is installed; run make test-bigquery")
    port, grpc = free_port(), free_port()
    log = tmp_path_factory.mktemp("bqemulator") / "log.txt"
    command = [str(PROGRAM), "start", "--rest-port", str(port), "--grpc-port", str(grpc), "--log-level", "warning"]
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    address = f"http://127.0.0.1:{port}"
    try:
        _await(f"{address}/healthz", process, log)
        os.environ[EMULATOR] = address
        yield address
    finally:
        os.environ.pop(EMULATOR, None)
        process.terminate()
        process.wait(30)


def _await(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    pytest.fail(f"the emulator did not start: {log.read_text()[-2000:]}")


@pytest.fixture
def bigquery_warehouse(emulator: str) -> BigqueryWarehouse:
    """An empty warehouse."""
    return BigqueryWarehouse(f"bigquery://local/t{uuid.uuid4().hex[:8]}_")
