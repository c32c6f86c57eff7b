"""`flux up`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, read_settings
from orchestration.cli.stopping import interrupt_on_signals


@click.command(epilog=examples("flux up", "FLUX_SOURCE_URL=postgresql://flux@db/app flux up"))
def command() -> int:
    """Run everything until Ctrl-C: capture, collector, loader, builds, dashboards.

    Without FLUX_SOURCE_URL the stand-in product runs too, with live traffic. All listens on loopback. One Ctrl-C ends
    every process; a later `flux up` goes on from the state that it finds.
    """
    from orchestration.running import run

    settings = read_settings()
    with interrupt_on_signals():
        try:
            run(settings, say=click.echo)
        except KeyboardInterrupt:
            click.echo("ended")
    return 0
