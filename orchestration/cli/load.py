"""`flux load`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.cli.stopping import stop_on_signals
from orchestration.screen import Screen


@click.command(epilog=examples("flux load", "flux load --follow"))
@click.option("--follow", is_flag=True, help="Go on loading until Ctrl-C; lends the warehouse to builds.")
@json_option
def command(follow: bool, as_json: bool) -> int:
    """Load all that the log holds into the warehouse.

    Both doors' logs are loaded, exactly once, and the result is published.
    """
    from orchestration.walk import loading, readers

    settings = read_settings()
    if follow:
        with stop_on_signals() as stop:
            loading.loader(settings).follow(stop)
        return 0
    with Screen() as screen:
        with screen.step("load") as step:
            drained = loading.load(settings, progress=lambda what, rows: step.update(rows, note=what))
        if not settings.is_read_in_place:  # there readers see each commit whole
            with screen.step("publish") as step:
                step.update(readers.publish(settings).rows)
    ledger = loading.event_ledger(settings)
    brought = {
        "copied_tables": drained.changes.copied_tables,
        "copied_rows": drained.changes.copied_rows,
        "changes": drained.changes.changes,
        "events": {
            "accepted": ledger.accepted,
            "loaded": ledger.loaded,
            "duplicates": ledger.duplicates,
            "quarantined": ledger.quarantined,
        },
    }
    if as_json:
        print_json(brought)
    else:
        click.echo(
            f"{drained.changes.copied_rows:,} copied rows, {drained.changes.changes:,} changes; events in all: "
            f"{ledger.accepted:,} accepted = {ledger.loaded:,} loaded + {ledger.duplicates:,} duplicates "
            f"+ {ledger.quarantined:,} quarantined"
        )
    return 0
