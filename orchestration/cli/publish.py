"""`flux publish`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.screen import Screen


@click.command(epilog=examples("flux publish --to postgresql://flux@db.example.com/serving --reader metabase"))
@click.option(
    "--to", "url", required=True, metavar="URL", help="postgresql://role@host:port/database; PGPASSWORD, .pgpass."
)
@click.option(
    "--reader", "readers", multiple=True, metavar="ROLE", help="A role that may read all of it; may be given again."
)
@json_option
def command(url: str, readers: tuple[str, ...], as_json: bool) -> int:
    """Copy the published models into another Postgres, swapped in whole.

    They stand in its schema `serving`. Readers see the copy of before until the new one takes its place whole, in one
    transaction, and keep what they had begun to read. Roles may read afterwards what they might before. Killed at any
    time, the next one goes on. Builds publish for readers of the warehouse by themselves; this is for a Metabase, a
    partner, a replica elsewhere.
    """
    from orchestration.walk.publish_elsewhere import publish_to

    with Screen() as screen, screen.step("publish", "tables") as step:
        report = publish_to(
            read_settings(),
            url,
            readers=readers,
            progress=lambda name, done, total, rows: step.update(done, total, f"{name}, {rows:,} rows so far"),
        )
        step.update(report.tables, report.tables)
    if as_json:
        print_json({"tables": report.tables, "rows": report.rows, "seconds": report.seconds})
    else:
        click.echo(f"{report.tables} tables, {report.rows:,} rows in {report.seconds:.1f} s: schema serving")
    return 0
