"""What the suite of the JavaScript SDKs shares: a collector behind a recording proxy, and where the SDKs lie.

`make test-sdks` installs them (npm, into a directory that git ignores). Without Node or Chromium the tests are skipped,
and say so.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from ingestion.events.tracking_plan import TrackingPlan
from ingestion.load.event_batch import EventLoadReport
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from tests.events.calls import collector, load
from tests.events.recorder import Recorder, recorder

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def modules() -> Path:
    """The directory of the installed SDKs."""
    if shutil.which("node") is None:
        pytest.skip("no Node: install version 20 or newer, then run 'make test-sdks'")
    found = HERE / "node_modules"
    if not (found / "@segment").is_dir():
        pytest.skip("the SDKs are not installed: run 'make test-sdks'")
    return found


@pytest.fixture
def between(tmp_path: Path, modules: Path) -> Iterator[Recorder]:
    """A collector, and the proxy in front of it to which the SDKs are pointed."""
    with collector(tmp_path / "log") as url, recorder(url) as made:
        yield made


class Warehouse:
    """What the load made of the collector's log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._connection = duckdb.connect()
        self._connection.execute("set TimeZone = 'UTC'")

    def load(self, plan: TrackingPlan | None = None) -> EventLoadReport:
        return load(DuckdbDestination(self._connection), self._log, plan=plan)

    def ask(self, query: str) -> list[tuple[object, ...]]:
        return self._connection.execute(query).fetchall()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse in memory, beside the collector of the test."""
    made = Warehouse(tmp_path / "log")
    yield made
    made.close()
