"""`flux quarantine`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestration.cli.output import examples, json_option, plain, print_json, print_table, read_settings

if TYPE_CHECKING:
    from orchestration.walk.quarantine import Replayed


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "flux quarantine --json", "flux quarantine explain 5f3a", "flux quarantine replay", "flux quarantine replay web"
    ),
)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """List, explain and replay what could not be loaded.

    Without a subcommand: what is open, by source and reason. Takes the warehouse's lock, so it waits for a build.
    """
    return 0 if context.invoked_subcommand is not None else print_groups(as_json)


def print_groups(as_json: bool, *, consumer: str | None = None, resubmit: str = "flux quarantine replay") -> int:
    """Print what is open, of one consumer or of all; `resubmit` is the command that tries it again."""
    from orchestration.walk import quarantine

    groups = [group for group in quarantine.groups(read_settings()) if consumer in (None, group.consumer)]
    columns = ("consumer", "source", "reason", "rows", "since", "example")
    rows = [[getattr(group, column) for column in columns] for group in groups]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return 0
    print_table(("of", "source", "reason", "rows", "since", "id of one"), rows)
    click.echo(
        f"{sum(group.rows for group in groups):,} rows"
        + (f"; 'flux quarantine explain ID' says more, '{resubmit}' tries again" if groups else "")
    )
    return 0


@command.command(epilog=examples("flux quarantine explain 5f3a", "flux quarantine explain 5f3a --show-bytes"))
@click.argument("id_", metavar="ID")
@click.option("--show-bytes", is_flag=True, help="Show the kept bytes, too: they hold personal data.")
@json_option
def explain(id_: str, show_bytes: bool, as_json: bool) -> int:
    """Say why an entry is there, where it came from and what to do.

    ID is what the list shows, or the beginning of it. No value of the entry is shown unless --show-bytes asks for it.
    """
    from orchestration.walk import quarantine

    settings = read_settings()
    found, plan = quarantine.entries(settings, id_), quarantine.plan_of(settings)
    documents = [
        {
            "id": entry.id,
            "consumer": entry.consumer,
            "source": entry.source,
            "position": entry.position,
            "reason": entry.reason,
            "noticed_at": entry.noticed_at,
            "resolved_at": entry.resolved_at,
            "resolution": entry.resolution,
            "bytes": None if entry.raw is None else len(entry.raw),
            "advice": quarantine.advice(entry),
            **(quarantine.call_of(entry, plan)),
            **({"raw": (entry.raw or b"").decode(errors="backslashreplace")} if show_bytes else {}),
        }
        for entry in found
    ]
    if as_json:
        print_json(documents)
        return 0
    for document in documents:
        for name, value in document.items():
            if value is not None:
                click.echo(f"{name:<12}{plain(value)}")
    return 0


@command.command(epilog=examples("flux quarantine replay", "flux quarantine replay public.orders"))
@click.argument("source", required=False)
@json_option
def replay(source: str | None, as_json: bool) -> int:
    """Try again what is open, of SOURCE or of all.

    Events are normalised again from their kept bytes, with the code and the tracking plan of now, and land exactly
    once. Of tables a new copy is asked for, which a running capture makes at once and 'flux replicate' else. Exit
    code 1 when events are refused again.
    """
    from orchestration.walk import quarantine

    return print_requeued(quarantine.replay(read_settings(), source), as_json)


def print_requeued(done: Replayed, as_json: bool) -> int:
    """Print what trying again brought; the exit code."""
    events = done.events
    if as_json:
        print_json(
            {
                "loaded": events.loaded,
                "duplicates": events.duplicates,
                "refused": events.refused,
                "tables": list(done.tables),
            }
        )
    else:
        click.echo(
            f"events: {events.loaded:,} loaded, {events.duplicates:,} known already, {events.refused:,} refused again"
        )
        if done.tables:
            click.echo(f"asked for new copies of {', '.join(done.tables)}; run 'flux replicate' unless a capture runs")
    return 1 if events.refused else 0
