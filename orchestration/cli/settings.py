"""`flux settings`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings
from orchestration.settings import describe


@click.command(epilog=examples("FLUX_HOME=/var/lib/flux flux settings"))
@json_option
def command(as_json: bool) -> None:
    """List the settings with their values.

    Each is an environment variable. URLs and keys are shown without their secrets.
    """
    rows = describe(read_settings())
    if as_json:
        print_json(rows)
        return
    print_table(["setting", "type", "default", "value", "what it is"], [list(row.values()) for row in rows])
