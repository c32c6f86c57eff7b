"""The processes of `flux up` and `flux demo`: what each runs, and how one sees that it is ready."""

from __future__ import annotations

from demo.server import Server
from ingestion.errors import SourceError
from orchestration import dagster_processes as dagster
from orchestration.ports import answers
from orchestration.settings import Settings
from orchestration.supervisor import Service
from orchestration.walk.product import known_source
from orchestration.walk.telling import slot_exists


def capture(settings: Settings) -> Service:
    """Source to log. Ready when the source keeps what comes for us."""
    source = known_source(settings)

    def keeps() -> bool:
        try:
            return slot_exists(source)
        except SourceError:
            if settings.has_stand_in:
                return False  # somebody killed its server, which comes again
            raise

    return Service(name="capture", arguments=("service", "capture"), healthy=keeps)


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


def alerts() -> Service:
    """Looks for what is wrong, and tells it. Needs nothing of the others, so it sees each of them die."""
    return Service(name="alerts", arguments=("alerts", "watch"))


def code_server(settings: Settings, port: int) -> Service:
    """Dagster's view of our definitions: one for web server and daemon, who would each start their own."""
    return Service(
        name="code-server",
        module="orchestration.code_server",
        arguments=dagster.code_server_arguments(dagster.loopback(port)),
        environment=dagster.environment(settings),
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
        arguments=dagster.web_server_arguments(settings, dagster.loopback(port)),
        environment=dagster.environment(settings),
        healthy=answers(port),
        ready_seconds=180,
    )


def daemon(settings: Settings) -> Service:
    """Dagster's clock: sensors, schedules, queue of runs."""
    return Service(
        name="daemon",
        module="dagster._daemon",
        arguments=dagster.daemon_arguments(settings),
        environment=dagster.environment(settings),
    )
