"""`flux metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestration.cli.output import examples, read_settings

if TYPE_CHECKING:
    from orchestration.settings import Settings


@click.command(
    epilog=examples(
        "flux metrics",
        "FLUX_METRICS_PORT=9187 flux metrics --serve",
        "FLUX_OTLP_ENDPOINT=http://127.0.0.1:4318 flux metrics --push",
    )
)
@click.option(
    "--serve",
    "served",
    is_flag=True,
    help="Answer /metrics at FLUX_METRICS_PORT until Ctrl-C, and push to FLUX_OTLP_ENDPOINT if set.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of --serve; it knows no login.")
@click.option("--push", "pushed", is_flag=True, help="Push once to FLUX_OTLP_ENDPOINT, an OpenTelemetry receiver.")
def command(served: bool, host: str, pushed: bool) -> int:
    """Print, serve or push the state as metrics: Prometheus, OpenTelemetry.

    From what loader and capture wrote down last: the warehouse is never opened, and the source is asked for its slot
    only while no capture runs.
    """
    from orchestration.walk.observing import observe

    settings = read_settings()
    if served and pushed:
        raise click.UsageError("--serve pushes already, at an interval; leave --push out")
    if served:
        _serve(settings, host)
    elif pushed:
        _push(settings)
    else:
        from orchestration.metrics import render

        click.echo(render(observe(settings, ask=False)), nl=False)
    return 0


def _push(settings: Settings) -> None:
    from orchestration.errors import SettingError
    from orchestration.otlp import Pusher
    from orchestration.walk.observing import observe

    if settings.otlp_endpoint is None:
        raise SettingError("FLUX_OTLP_ENDPOINT is not set; it wants http(s)://HOST:PORT of an OpenTelemetry receiver")
    Pusher(settings.otlp_endpoint, settings.home).push(observe(settings, ask=False))


def _serve(settings: Settings, host: str) -> None:
    from orchestration import dogstatsd
    from orchestration.cli.stopping import stop_on_signals
    from orchestration.metrics import serve
    from orchestration.otlp import pushing
    from orchestration.ports import require_free
    from orchestration.walk.observing import Document, observe

    require_free(settings.metrics_port, "the metrics", "FLUX_METRICS_PORT")

    def see() -> Document:
        return observe(settings, ask=False)

    with stop_on_signals() as stop, pushing(settings, see, stop), dogstatsd.pushing(settings, see, stop):
        click.echo(f"metrics at http://{host}:{settings.metrics_port}/metrics", err=True)
        serve(see, settings.metrics_port, stop, host=host)
