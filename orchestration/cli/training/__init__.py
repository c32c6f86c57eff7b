"""`flux training`: the training sets, from a specification to a file that a trainer opens."""

from __future__ import annotations

import click

from orchestration.cli.output import examples
from orchestration.cli.training import listing, pull


@click.group(epilog=examples("flux training pull", "flux training list"))
def command() -> None:
    """Build or fetch training sets."""


command.add_command(pull.command, "pull")
command.add_command(listing.command, "list")
