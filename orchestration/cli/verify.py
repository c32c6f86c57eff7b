"""`flux verify`."""

from __future__ import annotations

import itertools

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings
from orchestration.screen import Screen


@click.command(epilog=examples("flux verify", "flux verify public.applications --json"))
@click.argument("tables", metavar="[TABLE]...", nargs=-1)
@json_option
def command(tables: tuple[str, ...], as_json: bool) -> int:
    """Compare source and warehouse at one position.

    Every row and column of the named tables (schema.table; all when none is named). Exit code 1 when they differ.
    """
    from orchestration.walk import verification

    with Screen() as screen, screen.step("verify", "tables") as step:
        numbers = itertools.count(1)
        report = verification.verify(
            read_settings(),
            only=tables or None,
            progress=lambda table: step.update(next(numbers), note=table.source),
        )
    if as_json:
        print_json(report.to_json())
    else:
        print_table(
            ("source", "relation", "equal", "rows at the source", "rows here", "differing keys", "note"),
            [
                [
                    t.source,
                    t.relation,
                    "yes" if t.equal else "NO",
                    t.rows_source,
                    t.rows_warehouse,
                    t.differing_keys,
                    t.note,
                ]
                for t in report.tables
            ],
        )
        equal = sum(1 for table in report.tables if table.equal)
        click.echo(f"{equal} of {len(report.tables)} tables are equal")
    return 0 if report.equal else 1
