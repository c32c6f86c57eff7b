"""`flux demo`."""

from __future__ import annotations

import time

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.cli.stopping import interrupt_on_signals
from orchestration.screen import Screen


@click.command(epilog=examples("flux demo", "FLUX_DEMO_SCALE=0.1 flux demo --json"))
@json_option
def command(as_json: bool) -> int:
    """Run the whole platform once on the stand-in product.

    A Postgres with half a year of a talent marketplace's life, captured while it is written to; Segment events through
    the collector; models, checks, dashboards and a training set out. Run it again: it goes on where it was, and
    nothing is doubled. Refuses while FLUX_SOURCE_URL is set.
    """
    from orchestration.demonstration import demonstrate

    began = time.monotonic()
    settings = read_settings()
    with interrupt_on_signals(), Screen() as screen:
        summary = demonstrate(settings, screen)
    if as_json:
        print_json(summary.to_json())
        return 0
    click.echo()
    for what, figures in summary.lines():
        click.echo(f"{what:<14}{figures}")
    click.echo(f"{'seconds':<14}{time.monotonic() - began:.0f} in all")
    for name, seconds in summary.seconds.items():
        click.echo(f"{'':<14}{seconds:6.1f}  {name}")
    query = 'flux query "select * from reporting.rpt_weekly_active_members"'
    click.echo(f"\nnext: flux dashboards open; flux docs open; flux verify; {query}")
    return 0
