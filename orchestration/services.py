"""The processes of `flux up` and `flux demo`: what each runs, and how one sees that it is ready."""

from __future__ import annotations

import shutil
from pathlib import Path

from demo.server import Server
from orchestration.errors import FluxError
from orchestration.ports import LOOPBACK, answers
from orchestration.settings import Settings
from orchestration.supervisor import Service
from orchestration.walk.product import known_source
from orchestration.walk.telling import slot_exists


def capture(settings: Settings) -> Service:
    """Source to log. Ready when the source keeps what comes for us."""
    source = known_source(settings)
    return Service(name="capture", arguments=("service", "capture"), healthy=lambda: slot_exists(source))


def loader() -> Service:
    """Log to warehouse; lends the warehouse to builds."""
    return Service(name="loader", arguments=("load", "--follow"))


def collector(port: int) -> Service:
    """Segment's API to log."""
    return Service(name="collector", arguments=("collect", "--port", str(port)), healthy=answers(port))


def stand_in(settings: Settings) -> Service:
    """The stand-in's Postgres, for as long as the service lives."""
    return Service(
        name="stand-in",
        arguments=("service", "stand-in"),
        healthy=lambda: Server(settings.stand_in_directory).running,
        stop_seconds=30,
    )


def story(port: int) -> Service:
    """The stand-in's past: schema, day 0, simulated days, events. Ends by itself."""
    return Service(name="story", arguments=("service", "story", "--port", str(port)))


def traffic(port: int) -> Service:
    """The stand-in's present: transactions and Segment calls, on and on."""
    return Service(name="traffic", arguments=("service", "traffic", "--port", str(port)))


def site(port: int) -> Service:
    """The dashboards on loopback."""
    return Service(name="site", arguments=("service", "site", "--port", str(port)), healthy=answers(port))


def metrics(port: int) -> Service:
    """The state for Prometheus, on loopback, and for an OpenTelemetry receiver if one is set."""
    return Service(name="metrics", arguments=("metrics", "--serve"), healthy=answers(port))


def code_server(settings: Settings, port: int) -> Service:
    """Dagster's view of our definitions: one for web server and daemon, who would each start their own."""
    arguments = ("--module-name", "orchestration.definitions", "--location-name", "flux")
    where = ("--host", LOOPBACK, "--port", str(port), "--use-python-environment-entry-point", "--log-level", "warning")
    return Service(
        name="code-server",
        module="orchestration.code_server",
        arguments=(*arguments, *where),
        environment=_dagster_environment(settings),
        healthy=answers(port),
        ready_seconds=180,
        # It waits for the run that is under way; a killed one leaves nothing half-published.
        stop_seconds=5,
    )


def web_server(settings: Settings, port: int) -> Service:
    """Dagster's UI."""
    return Service(
        name="web-server",
        module="dagster_webserver",
        arguments=("--host", LOOPBACK, "--port", str(port), "--workspace", str(_workspace(settings))),
        environment=_dagster_environment(settings),
        healthy=answers(port),
        ready_seconds=180,
    )


def daemon(settings: Settings) -> Service:
    """Dagster's clock: sensors, schedules, queue of runs."""
    return Service(
        name="daemon",
        module="dagster._daemon",
        arguments=("run", "--workspace", str(_workspace(settings))),
        environment=_dagster_environment(settings),
    )


def prepare_dagster(settings: Settings, code_server_port: int = 0) -> None:
    """Write what Dagster reads: its instance's settings, and where our code server is."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(instance_file(), settings.dagster_home / "dagster.yaml")
    if code_server_port:
        _workspace(settings).write_text(
            "load_from:\n  - grpc_server:\n"
            f"      host: {LOOPBACK}\n      port: {code_server_port}\n      location_name: flux\n"
        )


def instance_file() -> Path:
    """Find dagster.yaml of the checkout."""
    path = Path(__file__).parents[1] / "dagster.yaml"
    if not path.exists():
        raise FluxError(f"there is no {str(path)!r}; install Flux from its checkout: make install")
    return path


def _workspace(settings: Settings) -> Path:
    return settings.dagster_home / "workspace.yaml"


def _dagster_environment(settings: Settings) -> dict[str, str]:
    return {"DAGSTER_HOME": str(settings.dagster_home)}
