"""`flux events quarantine`: the events' part of `flux quarantine`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option
from orchestration.cli.quarantine import explain, print_groups, print_requeued


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "flux events quarantine",
        "flux events quarantine explain 5f3a",
        "flux events quarantine resubmit web",
        "flux events quarantine resubmit --id 5f3a10b2c4d6",
    ),
)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """List, explain and resubmit events that could not be loaded.

    The events' part of 'flux quarantine'. Takes the warehouse's lock, so it waits for a build.
    """
    return 0 if context.invoked_subcommand is not None else _list(as_json)


@command.command(name="list", epilog=examples("flux events quarantine list --json"))
@json_option
def list_(as_json: bool) -> int:
    """List what is open, by source and reason."""
    return _list(as_json)


# The very command of `flux quarantine`, with an example of its own.
command.add_command(
    click.Command(
        "explain",
        callback=explain.callback,
        params=explain.params,
        help=explain.help,
        epilog=examples("flux events quarantine explain 5f3a"),
    )
)


@command.command(
    epilog=examples("flux events quarantine resubmit", "flux events quarantine resubmit web --id 5f3a10b2c4d6")
)
@click.argument("source", required=False)
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only this entry; may be given several times.")
@json_option
def resubmit(source: str | None, ids: tuple[str, ...], as_json: bool) -> int:
    """Try again what is open, of SOURCE or of all, from the bytes that quarantine kept.

    With the code and the tracking plan of now; what lands lands exactly once. Reaches back beyond the log, unlike
    'flux events replay'. Exit code 1 when events are refused again.
    """
    from orchestration.cli.output import read_settings
    from orchestration.walk import quarantine

    return print_requeued(quarantine.resubmit(read_settings(), source, ids), as_json)


def _list(as_json: bool) -> int:
    from ingestion.load.positions import EVENTS

    return print_groups(as_json, consumer=EVENTS, resubmit="flux events quarantine resubmit")
