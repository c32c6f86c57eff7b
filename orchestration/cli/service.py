"""`flux service`: single processes, for `flux up` and for supervisors: containers, systemd (docs/deployment.md).

Hidden, since nobody starts them by hand.
"""

from __future__ import annotations

import json
import logging
import time

import click

from orchestration.cli.output import examples, read_settings
from orchestration.cli.stopping import stop_on_signals

TELL_SECONDS = 0.2


@click.group(hidden=True, epilog=examples("flux service capture"))
def command() -> None:
    """Run one process of `flux up`."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


@command.command(epilog=examples("flux service capture"))
def capture() -> None:
    """Write the source's changes to the log."""
    from orchestration.walk import loading
    from orchestration.walk.product import known_source

    settings = read_settings()
    with stop_on_signals() as stop:
        loading.follow_source(settings, known_source(settings), stop)


@command.command("stand-in", epilog=examples("flux service stand-in"))
def stand_in() -> None:
    """Run the stand-in's Postgres."""
    from orchestration.walk import product

    with stop_on_signals() as stop:
        product.keep_stand_in(read_settings(), stop)


@command.command(epilog=examples("flux service story --port 8675"))
@click.option("--port", type=int, required=True, help="Port of the collector.")
def story(port: int) -> None:
    """Tell the stand-in's past: schema, day 0, simulated days, events. Reports in lines of JSON."""
    from orchestration.walk import telling

    telling.tell_past(read_settings(), port, tell=_Teller())


@command.command(epilog=examples("flux service traffic --port 8675"))
@click.option("--port", type=int, required=True, help="Port of the collector.")
def traffic(port: int) -> None:
    """Go on with the stand-in's story in real time."""
    from orchestration.walk import telling

    settings = read_settings()
    with stop_on_signals() as stop:
        telling.tell_present(settings, port, stop)


@command.command(epilog=examples("flux service site --port 3071"))
@click.option("--port", type=int, required=True, help="Port on loopback.")
def site(port: int) -> None:
    """Serve the dashboards on loopback."""
    from orchestration.site_server import serve

    with stop_on_signals() as stop:
        serve(read_settings().site_directory, port, stop)


_HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; it knows no login.")
_CODE_SERVER = click.option("--code-server", required=True, metavar="HOST:PORT", help="Where the code server listens.")


@command.command("code-server", epilog=examples("flux service code-server --port 4000"))
@_HOST
@click.option("--port", type=int, required=True, help="Port that web server and daemon reach.")
def code_server(host: str, port: int) -> None:
    """Become Dagster's code server: it holds the graph, and its children are the runs."""
    from orchestration import dagster_processes as dagster

    settings = read_settings()
    dagster.prepare(settings)
    dagster.become(settings, "orchestration.code_server", dagster.code_server_arguments(dagster.Address(host, port)))


@command.command("web-server", epilog=examples("flux service web-server --code-server 127.0.0.1:4000"))
@_HOST
@click.option("--port", type=int, help="Port; default: FLUX_DAGSTER_PORT.")
@_CODE_SERVER
def web_server(host: str, port: int | None, code_server: str) -> None:
    """Become Dagster's web server."""
    from orchestration import dagster_processes as dagster

    settings = read_settings()
    dagster.prepare(settings, dagster.Address.parse(code_server))
    at = dagster.Address(host, settings.dagster_port if port is None else port)
    dagster.become(settings, "dagster_webserver", dagster.web_server_arguments(settings, at))


@command.command(epilog=examples("flux service daemon --code-server 127.0.0.1:4000"))
@_CODE_SERVER
def daemon(code_server: str) -> None:
    """Become Dagster's daemon: sensors, schedules, the queue of runs."""
    from orchestration import dagster_processes as dagster

    settings = read_settings()
    dagster.prepare(settings, dagster.Address.parse(code_server))
    dagster.become(settings, "dagster._daemon", dagster.daemon_arguments(settings))


@command.command(epilog=examples("flux service healthy capture"))
@click.argument("name", required=False)
def healthy(name: str | None) -> int:
    """Say by the exit code whether a process of this FLUX_HOME is well: what health checks of containers ask.

    Without a name: whether the settings are valid and FLUX_HOME can be written.
    """
    from orchestration.walk.health import look

    settings = read_settings()
    if name == "daemon":
        from orchestration import dagster_processes as dagster

        dagster.become(settings, "dagster._daemon", ("liveness-check",))
    look(settings, name)
    return 0


class _Teller:
    """Prints progress as lines of JSON: the first and last word of each step, and a few a second between."""

    def __init__(self) -> None:
        self._step = ""
        self._at = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if step != self._step or done >= total or now - self._at > TELL_SECONDS:
            self._step, self._at = step, now
            click.echo(json.dumps({"step": step, "done": done, "total": total}))
