"""What may be chosen of a soak."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

_EXAMPLES: Final = """examples:
  make soak                                        half an hour
  make soak SOAK_MINUTES=4320                      three days
  make soak ARGS="--seed 7 --kill-every 40"
  python -m benchmarks.soak --again /tmp/flux-soak-20261127-150000
  python -m benchmarks.soak --minutes 3 --changes 100 --events 200 --json
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A soak that was asked for. Times in seconds."""

    seconds: float
    changes: int
    events: int
    clients: int
    analysts: int
    product_rate: float
    scale: float
    seed: int
    kill_every: float
    directory: Path
    as_json: bool = False
    keep: bool = False
    again: bool = False


def parse(arguments: list[str] | None = None) -> Options:
    """Read the command line; argparse ends the process where it is wrong."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description="Run all of Flux under load, kill its processes at random, and judge what came of it. Exit code "
        "0: nothing lost, nothing grew that must not, every lag bounded; 1: something was found. Ctrl-C ends with a "
        "report.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--minutes", type=_positive, default=30.0, help="how long the load lasts (30)")
    made.add_argument("--changes", type=int, default=500, help="row changes a second at the source (500)")
    made.add_argument("--events", type=int, default=1000, help="events a second, by Segment's Python SDK (1000)")
    made.add_argument("--clients", type=int, default=4, help="SDK clients that send them, two a process (4)")
    made.add_argument("--analysts", type=int, default=3, help="readers of the published warehouse (3)")
    made.add_argument("--product-rate", type=_positive, default=20.0, help="of them, transactions of the product (20)")
    made.add_argument("--scale", type=_positive, default=0.2, help="size of the product at the beginning (0.2)")
    made.add_argument("--seed", type=int, default=1, help="seed of product, load and kills (1)")
    made.add_argument("--kill-every", type=float, default=75.0, help="seconds between two kills, about; 0: none (75)")
    made.add_argument("--directory", type=Path, metavar="DIR", help="where to work, and where the report is left")
    made.add_argument("--keep", action="store_true", help="keep FLUX_HOME also when all is well")
    made.add_argument("--again", type=Path, metavar="DIR", help="write the report of an earlier soak anew, run nothing")
    made.add_argument("--json", action="store_true", help="print the report as JSON")
    given = made.parse_args(arguments)
    if min(given.changes, given.events, given.clients, given.analysts) < 1:
        made.error("--changes, --events, --clients and --analysts are at least 1")
    if given.kill_every and given.kill_every < 5:
        made.error("--kill-every is 0 or at least 5 seconds")
    directory = (
        given.again or given.directory or Path(tempfile.gettempdir()) / f"flux-soak-{datetime.now():%Y%m%d-%H%M%S}"
    )
    if given.again is None and directory.exists() and any(directory.iterdir()):
        made.error(f"{str(directory)!r} is not empty; name another --directory")
    return Options(
        seconds=given.minutes * 60,
        changes=given.changes,
        events=given.events,
        clients=given.clients,
        analysts=given.analysts,
        product_rate=given.product_rate,
        scale=given.scale,
        seed=given.seed,
        kill_every=given.kill_every,
        directory=directory.absolute(),
        as_json=given.json,
        keep=given.keep,
        again=given.again is not None,
    )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return value
