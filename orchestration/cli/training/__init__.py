"""`flux training`: the training sets, from a specification to a file that a trainer opens."""

from __future__ import annotations

import click

from orchestration.cli.output import examples
from orchestration.cli.training import baseline, card, diff, erase_check, explain, listing, pull, rebuild, verify


@click.group(epilog=examples("flux training pull", "flux training list", "flux training card 3f2a"))
def command() -> None:
    """Build or fetch training sets."""


command.add_command(pull.command, "pull")
command.add_command(listing.command, "list")
command.add_command(card.command, "card")
command.add_command(verify.command, "verify")
command.add_command(rebuild.command, "rebuild")
command.add_command(diff.command, "diff")
command.add_command(explain.command, "explain")
command.add_command(erase_check.command, "erase-check")
command.add_command(baseline.command, "baseline")
