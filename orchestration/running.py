"""`flux up`: start everything in order, keep it alive, end it."""

from __future__ import annotations

from collections.abc import Callable

from orchestration import dagster_processes, services
from orchestration.errors import FluxError
from orchestration.locks import holder, sole
from orchestration.past import tell_past
from orchestration.ports import LOOPBACK, free_port, require_free
from orchestration.settings import Settings, masked
from orchestration.supervisor import Supervisor
from orchestration.supervisor.tether import GRACE_SECONDS

Say = Callable[[str], None]


def run(settings: Settings, *, say: Say) -> None:
    """Run until interrupted. Raises FluxError when another `flux up` of this home runs, or something does not start."""
    with sole(settings.up_lock, "flux up") as free:
        if not free:
            raise FluxError(f"Flux runs already ({holder(settings.up_lock)}) in {str(settings.home)!r}; stop it first")
        _require_ports(settings)
        supervisor = Supervisor(settings.logs_directory, environment=settings.environment(), say=say)
        with supervisor:
            _start(settings, supervisor, say)
            say("ready; Ctrl-C ends everything")
            supervisor.watch()


def _require_ports(settings: Settings) -> None:
    for port, purpose, setting in (
        (settings.collect_port, "the collector", "FLUX_COLLECT_PORT"),
        (settings.dagster_port, "Dagster's web server", "FLUX_DAGSTER_PORT"),
        (settings.site_port, "the dashboards", "FLUX_SITE_PORT"),
        (settings.metrics_port, "the metrics", "FLUX_METRICS_PORT"),
    ):
        # Children of a killed `flux up` end within the tether's grace.
        require_free(port, purpose, setting, patience_seconds=GRACE_SECONDS + 2)


def _start(settings: Settings, supervisor: Supervisor, say: Say) -> None:
    code_server_port = free_port()
    dagster_processes.prepare(settings, dagster_processes.loopback(code_server_port))
    listeners = [services.loader()]
    if settings.has_stand_in:
        if settings.demo_url is None:
            say("starting the stand-in product")
            supervisor.start(services.stand_in(settings))
        supervisor.start(services.collector(settings.collect_port))
        say("making its past, unless it is there; that takes half a minute")
        tell_past(supervisor, settings.collect_port, [services.capture(settings), *listeners], lambda *word: None)
        supervisor.start(services.traffic(settings.collect_port))
    else:
        supervisor.start(services.collector(settings.collect_port), services.capture(settings), *listeners)
    supervisor.start(services.site(settings.site_port), services.metrics(settings.metrics_port))
    say(f"collector    http://{LOOPBACK}:{settings.collect_port}")
    say(f"dashboards   http://{LOOPBACK}:{settings.site_port}")
    say(f"metrics      http://{LOOPBACK}:{settings.metrics_port}/metrics")
    if settings.otlp_endpoint is not None:
        say(f"             also pushed to {masked(settings.otlp_endpoint)}")
    say("starting Dagster, which takes about half a minute")
    supervisor.start(services.code_server(settings, code_server_port))
    supervisor.start(services.web_server(settings, settings.dagster_port), services.daemon(settings))
    say(f"Dagster      http://{LOOPBACK}:{settings.dagster_port}")
    supervisor.start(services.alerts())  # last: what is not up yet is nothing to tell
