"""`flux status`."""

from __future__ import annotations

import click

from orchestration.cli.output import JsonValue, examples, json_option, print_json, print_table, read_settings


@click.command(epilog=examples("flux status", "flux status --json"))
@json_option
def command(as_json: bool) -> int:
    """Show tables, positions, lag, slot, events, quarantine.

    Reads what the warehouse's owner wrote after its last commit, and asks the source for its slot; never opens the
    warehouse.
    """
    from orchestration.walk.observing import observe

    document = observe(read_settings())
    if as_json:
        print_json(document)
        return 0
    _print(document)
    return 0


def _print(document: JsonValue) -> None:
    columns = ("source", "relation", "state", "rows", "lag_bytes", "lag_seconds")
    print_table(
        ("source", "relation", "state", "rows", "lag in bytes", "lag in seconds"),
        [[table[column] for column in columns] for table in document["tables"]],
    )
    for table in document["tables"]:
        if "reason" in table:
            click.echo(f"{table['source']} is {table['state']}: {table['reason']}")
    position, events, slot = document["position"], document["events"], document["slot"]
    click.echo(
        f"position: epoch {position['epoch']}, captured {position['captured_lsn']}, loaded {position['loaded_lsn']}"
        f" (committed {position['loaded_commit_at'] or 'never'})"
    )
    if slot is None:
        click.echo("slot: the source cannot be asked now, or has none")
    else:
        active = "active" if slot["active"] else "inactive"
        click.echo(
            f"slot: {slot['name']}, {active}, {slot['wal_status']}, holds {slot['retained_bytes']:,} bytes of WAL"
        )
    click.echo(
        f"events: {events['accepted']:,} accepted, {events['loaded']:,} loaded, {events['duplicates']:,} duplicates,"
        f" {events['quarantined']:,} quarantined"
    )
    click.echo(f"quarantine: {document['quarantine']['rows']:,} rows")
