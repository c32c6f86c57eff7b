"""`flux replay`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.screen import Screen


@click.command(epilog=examples("flux replay", "flux replay --into postgresql://flux@db/rebuilt"))
@click.option("--into", metavar="URL", help="Build this new warehouse instead, duckdb:///PATH or postgresql://...")
@click.option("--events-from-log", is_flag=True, help="Give up events that only the old warehouse has.")
@json_option
def command(into: str | None, events_from_log: bool, as_json: bool) -> int:
    """Rebuild the warehouse from the log.

    From the latest copy of each table and what followed it, and the events; nothing is read from the source. The new
    warehouse takes the place of the old one at once when it is whole, and the old file is kept. Loads and builds wait
    meanwhile. The history begins with the copies: _flux.history_gaps says so. Models are to be built anew.
    """
    from ingestion.postgres.pgoutput.lsn import format_lsn
    from orchestration.settings import masked
    from orchestration.walk import replaying

    settings = read_settings()
    with Screen() as screen, screen.step("replay") as step:
        done = replaying.replay(
            settings,
            into=into,
            events_from_log=events_from_log,
            progress=lambda what, rows: step.update(rows, note=what),
        )
    rebuilt, kept = done.rebuilt, done.kept
    kept_bytes = kept.stat().st_size if kept is not None else 0
    if as_json:
        print_json(
            {
                "tables": rebuilt.tables,
                "rows": rebuilt.rows,
                "changes": rebuilt.changes,
                "events": rebuilt.events,
                "events_taken_over": done.events_taken_over,
                "lsn": format_lsn(rebuilt.lsn),
                "history_since": rebuilt.history_since,
                "inexact": list(rebuilt.inexact),
                "lost": list(done.lost),
                "kept": str(kept) if kept is not None else None,
                "kept_bytes": kept_bytes,
            }
        )
        return 0
    click.echo(
        f"{rebuilt.tables} tables, {rebuilt.rows:,} rows, {rebuilt.changes:,} changes, {rebuilt.events:,} events, at "
        f"{format_lsn(rebuilt.lsn)}; the history of all tables begins by {rebuilt.history_since or 'now'}"
    )
    if done.events_taken_over:
        click.echo("events were taken over as they were: the log no longer has the first ones")
    for what, names in (("not exact: ", rebuilt.inexact), ("dropped at the source, no longer here: ", done.lost)):
        if names:
            click.echo(what + ", ".join(names))
    if kept is not None:
        click.echo(
            f"the old warehouse is kept at {kept} ({kept_bytes:,} bytes); delete it when 'flux verify' finds all "
            "tables equal and nobody needs its older history"
        )
    if into is not None:
        click.echo(f"it is at {masked(into)}; let FLUX_WAREHOUSE_URL name it")
    click.echo("build the models before the next publish: from Dagster's UI under 'flux up'")
    return 0
