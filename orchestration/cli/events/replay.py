"""`flux events replay`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings
from orchestration.screen import Screen


@click.command(
    epilog=examples(
        "flux events replay --from 2026-11-01 --dry-run",
        "flux events replay --from 2026-11-01T08:00Z --to 2026-11-02 --source web",
        "flux events replay --from 1795728227149/48 --plan next_plan.yaml --dry-run --json",
    )
)
@click.option(
    "--from", "begin", metavar="TIME|POSITION", help="Arrived from this time on, or from this place of the log."
)
@click.option("--to", "end", metavar="TIME|POSITION", help="Arrived before this time, or before this place of the log.")
@click.option("--source", help="Events of this source only.")
@click.option(
    "--plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Judge by this plan, not the standing one.",
)
@click.option("--dry-run", is_flag=True, help="Say what would land, and change nothing.")
@json_option
def command(
    begin: str | None, end: str | None, source: str | None, plan: Path | None, dry_run: bool, as_json: bool
) -> int:
    """Read the log of events again, through the tracking plan of now.

    What was quarantined and is fine now lands, exactly once; what landed stays. The log reaches back as far as it is
    kept (FLUX_LOG_KEEP_DAYS, FLUX_LOG_KEEP_BYTES). TIME is ISO-8601, without offset UTC; POSITION is SEGMENT/OFFSET, as
    'flux quarantine explain' shows it. Takes the warehouse's lock. To build a whole warehouse anew: 'flux replay'.
    """
    from orchestration.walk import events

    settings = read_settings()
    with Screen() as screen, screen.step("events", unit="events read") as step:
        done = events.replay(
            settings, begin=begin, end=end, source=source, plan=plan, dry_run=dry_run, progress=step.update
        )
    found = done.found
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "read": found.read,
                "loaded": found.loaded,
                "known": found.known,
                "refused": found.refused,
                "against_the_plan": found.against,
                "reasons": dict(found.reasons.most_common()),
                "log_begins": done.log_begins,
            }
        )
        return 0
    would = "would land" if dry_run else "landed"
    click.echo(
        f"{found.read:,} read: {found.loaded:,} of the quarantine {would}, {found.refused:,} stay there; "
        f"{found.known:,} are in the warehouse, and {found.against:,} that the plan of now would refuse"
    )
    if found.reasons:
        print_table(("events", "reason"), [[count, reason] for reason, count in found.reasons.most_common(20)])
    if done.log_begins is not None:
        click.echo(f"the log begins with what arrived at {done.log_begins}; older events are not read again")
    return 0
