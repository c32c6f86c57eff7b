"""`flux status`."""

from __future__ import annotations

import datetime as dt
import sys

import click

from orchestration.cli.output import JsonValue, examples, json_option, print_json, print_table, read_settings

NEWEST = 5


@click.command(epilog=examples("flux status", "flux status --json", "flux status --watch --every 5"))
@json_option
@click.option("--watch", is_flag=True, help="Look again and again, with rates and the last build, until Ctrl-C.")
@click.option("--every", type=click.FloatRange(min=0.1), default=2.0, show_default=True, help="Seconds between looks.")
def command(as_json: bool, watch: bool, every: float) -> int:
    """Show tables, positions, lag, slot, log, events, schema changes, quarantine.

    Reads what the warehouse's owner wrote after its last commit, and asks the source for its slot; never opens the
    warehouse. `--watch` redraws a terminal, prints a line a look elsewhere, and with `--json` a document a line.
    """
    from orchestration.walk.observing import observe

    settings = read_settings()
    if watch:
        from orchestration.cli import status_watch
        from orchestration.cli.stopping import stop_on_signals
        from orchestration.walk.building import last_build

        with stop_on_signals() as stop:
            status_watch.watch(
                lambda: (observe(settings, ask=False), last_build(settings)),
                stop, every=every, as_json=as_json, terminal=sys.stdout.isatty(),
            )  # fmt: skip
        return 0
    document = observe(settings)
    if as_json:
        print_json(document)
        return 0
    _print(document)
    return 0


def _print(document: JsonValue) -> None:
    columns = ("source", "relation", "state", "rows", "last_change_at", "schema_changes", "quarantined")
    print_table(
        ("source", "relation", "state", "rows", "last change", "schema changes", "quarantined"),
        [[table.get(column) for column in columns] for table in document["tables"]],
    )
    for table in document["tables"]:
        if "reason" in table:
            click.echo(f"{table['source']} is {table['state']}: {table['reason']}")
    position, events, slot = document["position"], document["events"], document["slot"]
    click.echo(
        f"position: epoch {position['epoch']}, captured {position['captured_lsn']}, loaded {position['loaded_lsn']}"
        f" (committed {position['loaded_commit_at'] or 'never'}, complete to {position.get('clock_at') or 'no time'})"
    )
    captured, loaded = _lag(position, "captured"), _lag(position, "loaded")
    click.echo(f"lag: captured {captured} behind the source, loaded {loaded} behind the log")
    if slot is None:
        click.echo("slot: the source cannot be asked now, or has none")
    else:
        active = "active" if slot["active"] else "inactive"
        safe = slot["safe_wal_bytes"]
        click.echo(
            f"slot: {slot['name']}, {active}, {slot['wal_status']}, holds {slot['retained_bytes']:,} bytes of WAL, "
            + (f"lost after {safe:,} more" if safe is not None else "without a limit")
        )
    if (given_up := document["slot_given_up"]) is not None:
        at = dt.datetime.fromtimestamp(given_up["at"], dt.UTC).isoformat(timespec="seconds")
        click.echo(
            f"slot was given up at {at}: it held {given_up['retained_bytes']:,} bytes of WAL, more than "
            f"FLUX_WAL_BUDGET_BYTES={given_up['budget_bytes']}; {given_up['times']} times within a day"
        )
    _print_log(document["log"])
    click.echo(
        f"events: {events['accepted']:,} accepted, {events['loaded']:,} loaded, {events['duplicates']:,} duplicates,"
        f" {events['quarantined']:,} quarantined"
    )
    for change in document["schema_changes"][:NEWEST]:
        what = " ".join(filter(None, (change["change"], change["column"], change["detail"])))
        click.echo(f"schema: {change['noticed_at']} {change['source']}: {what}")
    quarantined = document["quarantine"]["rows"]
    click.echo(f"quarantine: {quarantined:,} rows" + ("; 'flux quarantine' lists them" if quarantined else ""))


def _lag(position: JsonValue, which: str) -> str:
    size, seconds = position[f"{which}_lag_bytes"], position[f"{which}_lag_seconds"]
    if size is None:
        return "an unknown way"
    return f"{size:,} bytes" + (f", {seconds:,.1f} s" if seconds is not None else "")


def _print_log(log: JsonValue) -> None:
    if log is None:
        return
    parts = ", ".join(f"{name} {size:,}" for name, size in log["bytes"].items())
    replay = log["replay"]
    if replay["lacking"]:
        told = f"a replay lacks the copies of {', '.join(replay['lacking'])} ('flux replay' asks for them)"
    elif replay["from_at"]:
        told = f"a replay gives the history of all tables from {replay['from_at']} on"
    else:
        told = "there is nothing to replay yet"
    click.echo(f"log: {sum(log['bytes'].values()):,} bytes ({parts}); {told}")
