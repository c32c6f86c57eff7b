"""What the rooms of benchmarks have in common as commands: their options, their stages, what they print and keep."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from benchmarks.bench import Bench, machine
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, outcome
from benchmarks.report import merge

Stage = tuple[tuple[Figure, ...], Callable[[Bench, Collection[str]], None]]


def run(stages: Sequence[Stage], options: argparse.Namespace) -> int:
    """Run; 0 when all wanted figures were measured, whether their goals are met or not."""
    figures = [figure for found, _ in stages for figure in found]
    if options.list:
        for figure in figures:
            print(f"{figure.name:32} {figure.goal!s:16} {figure.title}; floor: {figure.floor}")
        return 0
    wanted = {figure.name for figure in figures if _chosen(figure.name, options.only)}
    if not wanted:
        print(f"no figure is named like {', '.join(options.only)}; --list names them", file=sys.stderr)
        return 2
    directory = Path(tempfile.mkdtemp(prefix="flux-bench-", dir=options.directory))
    directory.chmod(0o711)  # the servers run as another user where we are root
    bench = Bench(directory, options.scale, options.rounds)
    failed = False
    try:
        for found, measure in stages:
            if not wanted.intersection(figure.name for figure in found):
                continue
            try:
                measure(bench, wanted)
            except BenchError as error:
                print(f"error: {error}", file=sys.stderr)
                failed = True
            except Exception:
                traceback.print_exc()  # an hour of other figures is not lost with it
                failed = True
            _tell(bench, found, options.output)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return int(failed)


def parser(room: str, documentation: str | None, examples: str) -> argparse.ArgumentParser:
    """Give the options, which are the same for all."""
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{room}" if room else "python -m benchmarks",
        description=(documentation or "").partition("\n\n")[2],
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--only", action="append", default=[], metavar="FIGURE", help="this one, or all of this prefix")
    made.add_argument("--rounds", type=int, default=3, help="rounds of each figure; medians are told (3)")
    made.add_argument("--scale", type=float, default=1.0, help="fraction of the rows, for a quick look (1)")
    made.add_argument("--output", type=Path, metavar="FILE", help="JSON file that takes the figures in")
    made.add_argument("--directory", type=Path, metavar="DIR", help="where to work (the system's temporary directory)")
    made.add_argument("--list", action="store_true", help="list the figures with goals and floors")
    return made


def _tell(bench: Bench, figures: Sequence[Figure], output: Path | None) -> None:
    """Print what a stage gave, and keep it."""
    facts = machine()
    outcomes = [
        outcome(figure, bench.readings[figure.name], scale=bench.scale, **facts)
        for figure in figures
        if figure.name in bench.readings
    ]
    for found in outcomes:
        print(json.dumps(found), flush=True)
    if output is not None:
        merge(output, outcomes)


def _chosen(name: str, only: Sequence[str]) -> bool:
    return not only or any(name == wanted or name.startswith(f"{wanted}_") for wanted in only)
