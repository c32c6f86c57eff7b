"""`flux events`: what operators do with events, beside collecting and loading them."""

from __future__ import annotations

import click

from orchestration.cli.events import importing, quarantine, replay, tail
from orchestration.cli.output import examples


@click.group(
    epilog=examples(
        "flux events tail --follow",
        "flux events quarantine",
        "flux events replay --from 2026-11-01 --dry-run",
        "flux events import 'segment-logs/**/*.gz'",
    )
)
def command() -> None:
    """Watch events, and bring in those of quarantine, log, archives and vendors."""


command.add_command(tail.command, "tail")
command.add_command(quarantine.command, "quarantine")
command.add_command(replay.command, "replay")
command.add_command(importing.command, "import")
