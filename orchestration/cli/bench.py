"""`flux bench`: the benchmarks, which lie beside the packages in the checkout and are no part of an image."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from orchestration.cli.output import examples
from orchestration.errors import FluxError

CHECKOUT = Path(__file__).parents[2]


@click.command(
    epilog=examples("flux bench --list", "flux bench --only drain_mixed --rounds 1", "flux bench --scale 0.05")
)
@click.option("--only", multiple=True, metavar="FIGURE", help="This one, or all of this prefix; may be given again.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Rounds of each; medians.")
@click.option("--scale", type=float, default=1.0, show_default=True, help="Fraction of the rows, for a quick look.")
@click.option("--output", type=click.Path(dir_okay=False), metavar="FILE", help="JSON file that takes the figures in.")
@click.option("--list", "lists", is_flag=True, help="List the figures with goals and floors, and measure nothing.")
def command(only: tuple[str, ...], rounds: int, scale: float, output: str | None, lists: bool) -> None:
    """Measure how fast Flux is on this machine, beside its own limits.

    Prints one JSON object a line: each figure with the machine's own limit in the same run. Everything takes over an
    hour, on servers, logs and warehouses of its own in the system's temporary directory; FLUX_HOME and the source are
    not touched. docs/benchmarks.md says what each figure is.
    """
    if not (CHECKOUT / "benchmarks" / "__main__.py").exists():
        raise FluxError(
            "the benchmarks are in the checkout alone, not in an image; run 'flux bench' or 'make bench' there"
        )
    arguments = [word for name in only for word in ("--only", name)]
    arguments += ["--rounds", str(rounds), "--scale", str(scale)]
    arguments += ["--output", str(Path(output).absolute())] if output is not None else []
    arguments += ["--list"] if lists else []
    os.chdir(CHECKOUT)
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *arguments])  # noqa: S606 - no shell is meant
