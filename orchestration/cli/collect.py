"""`flux collect`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, read_settings


@click.command(epilog=examples("FLUX_WRITE_KEYS=k1:default flux collect --port 8675"))
@click.option("--port", type=click.IntRange(0, 65535), help="Port; unset: FLUX_COLLECT_PORT, 0: a free one.")
def command(port: int | None) -> int:
    """Serve Segment's API at FLUX_COLLECT_HOST (loopback); write events to the log.

    A call is answered 200 when it is safely on disk. Point any Segment SDK at http://127.0.0.1:PORT. Ends on Ctrl-C.
    """
    from orchestration.walk.collecting import collect

    settings = read_settings()
    collect(
        settings,
        port=settings.collect_port if port is None else port,
        on_ready=lambda taken: click.echo(f"collecting at http://{settings.collect_host}:{taken}"),
    )
    return 0
