"""A reader of what is published: `python -m benchmarks.soak.analyst FLUX_HOME SITE-URL SEED BEGUN ANSWERS-FILE`.

Opens the published file, asks something, closes it, rests; now and then asks through `flux query` or fetches a page. No
question may fail, and no state may be half of a transaction: money in the bank is always the same. Notes each answer.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from benchmarks.soak.changes import MONEY
from benchmarks.soak.sample import Answer
from orchestration.cli.stopping import stop_on_signals

_REST_SECONDS: Final = 4.0
_PATIENCE_SECONDS: Final = 60.0
_COMMAND_SHARE, _PAGE_SHARE, _LAW_SHARE = 0.03, 0.15, 0.3
_THERE: Final = (
    "select count(*) from information_schema.tables where table_schema = 'raw_app__soak' and table_name = 'accounts'"
)
_LAW: Final = "select coalesce(sum(balance), 0) from raw_app__soak.accounts"
_RELATIONS: Final = (
    "select table_schema, table_name from information_schema.tables "
    "where table_schema in ('marts', 'reporting', 'raw_app', 'raw_segment') order by all"
)
COMMAND: Final = "select source, row_count, loaded_lag_seconds from _flux.table_status"


class BrokenLawError(Exception):
    """A published state that never was at the source."""


class Analyst:
    """One reader."""

    def __init__(self, home: Path, site: str, seed: int) -> None:
        self._home, self._site = home, site
        self.published = home / "published" / "warehouse.duckdb"
        self._chance = random.Random(seed)

    def ask(self) -> tuple[str, float, str | None]:
        """Ask one question: its kind, its seconds, what was wrong."""
        drawn = self._chance.random()
        kinds = ((_COMMAND_SHARE, "command"), (_PAGE_SHARE, "page"), (_LAW_SHARE, "law"))
        kind, edge = "question", 0.0
        for share, name in kinds:
            edge += share
            if drawn < edge:
                kind = name
                break
        began = time.perf_counter()
        try:
            getattr(self, f"_{kind}")()
        except (duckdb.Error, OSError, subprocess.SubprocessError, BrokenLawError) as error:
            return kind, time.perf_counter() - began, type(error).__name__
        return kind, time.perf_counter() - began, None

    def _question(self) -> None:
        """Read a table or a report: its rows counted, and a sample of them."""
        with duckdb.connect(str(self.published), read_only=True, config={"threads": 1}) as connection:
            schema, name = self._chance.choice(connection.execute(_RELATIONS).fetchall())
            connection.execute(f'select count(*) from "{schema}"."{name}"').fetchall()
            connection.execute(f'select * from "{schema}"."{name}" limit 100').fetchall()

    def _law(self) -> None:
        with duckdb.connect(str(self.published), read_only=True, config={"threads": 1}) as connection:
            if connection.execute(_THERE).fetchall() == [(1,)] and (found := connection.execute(_LAW).fetchall()) != [
                (MONEY,)
            ]:
                raise BrokenLawError(f"the sum of all accounts is {found[0][0]}, not {MONEY}")

    def _page(self) -> None:
        with urllib.request.urlopen(f"{self._site}/index.html", timeout=_PATIENCE_SECONDS) as answer:
            answer.read()

    def _command(self) -> None:
        command = [sys.executable, "-m", "orchestration.cli", "query", COMMAND, "--json"]
        environment = {**os.environ, "FLUX_HOME": str(self._home)}
        subprocess.run(command, env=environment, capture_output=True, check=True, timeout=2 * _PATIENCE_SECONDS)


def work(analyst: Analyst, begun: float, answers: Path, stop: threading.Event) -> None:
    """Ask until `stop` is set, from the first publication on."""
    chance = random.Random()
    with answers.open("ab", buffering=0) as file:
        while not stop.wait(_REST_SECONDS * chance.uniform(0.5, 1.5)):
            if analyst.published.exists():
                kind, seconds, problem = analyst.ask()
                at = round(time.time() - begun, 1)
                answer = Answer(at=at, kind=kind, seconds=round(seconds, 3), problem=problem)
                file.write(msgspec.json.encode(answer) + b"\n")


def main() -> None:
    """Ask until SIGTERM."""
    home, site, seed, begun, answers = sys.argv[1:]
    with stop_on_signals() as stop:
        work(Analyst(Path(home), site, int(seed)), float(begun), Path(answers), stop)


if __name__ == "__main__":
    main()
