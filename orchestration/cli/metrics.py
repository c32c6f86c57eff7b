"""`flux metrics`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, read_settings


@click.command(epilog=examples("flux metrics", "FLUX_METRICS_PORT=9187 flux metrics --serve"))
@click.option("--serve", "served", is_flag=True, help="Answer /metrics on loopback at FLUX_METRICS_PORT until Ctrl-C.")
def command(served: bool) -> int:
    """Print the state as metrics for Prometheus, or serve them.

    From what loader and capture wrote down last: the warehouse is never opened, and the source is asked for its slot
    only while no capture runs.
    """
    from orchestration.metrics import render, serve
    from orchestration.walk.observing import observe

    settings = read_settings()
    if not served:
        click.echo(render(observe(settings, ask=False)), nl=False)
        return 0
    from orchestration.cli.stopping import stop_on_signals
    from orchestration.ports import LOOPBACK, require_free

    require_free(settings.metrics_port, "the metrics", "FLUX_METRICS_PORT")
    with stop_on_signals() as stop:
        click.echo(f"metrics at http://{LOOPBACK}:{settings.metrics_port}/metrics", err=True)
        serve(lambda: observe(settings, ask=False), settings.metrics_port, stop)
    return 0
