"""`flux warehouse copy`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.screen import Screen


@click.command("copy", epilog=examples("flux warehouse copy --client acme --to acme.duckdb"))
@click.option("--client", required=True, metavar="SLUG", help="The client, by its client_slug.")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file.")
@json_option
def command(client: str, target: Path, as_json: bool) -> int:
    """Write one client's rows of the published models to a DuckDB file, for readers who may see no others.

    Takes the file's place when it is there; whoever has it open keeps what it was. Only you can read it: hand it on.
    """
    from orchestration.walk.client_copy import copy_for_client

    settings = read_settings()
    with Screen() as screen, screen.step("copy") as step:
        report = copy_for_client(settings, client, target)
        step.update(report.rows)
    if as_json:
        print_json({"file": str(target), "tables": report.tables, "rows": report.rows, "bytes": report.file_bytes})
    else:
        click.echo(f"{report.tables} tables, {report.rows:,} rows of {client} in {target}")
    return 0
