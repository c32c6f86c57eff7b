"""`flux verify`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings
from orchestration.screen import Screen


@click.command(
    epilog=examples("flux verify", "flux verify public.applications --json", "flux verify --repair public.applications")
)
@click.argument("tables", metavar="[TABLE]...", nargs=-1)
@click.option("--repair", is_flag=True, help="Make the rows that differ those of the source.")
@json_option
def command(tables: tuple[str, ...], repair: bool, as_json: bool) -> int:
    """Compare source and warehouse at one position.

    Every row and column of the named tables (schema.table; all when none is named), while both go on. Each side counts
    its rows and sums their checksums; only where these differ rows are fetched and compared, and the keys shown.
    Exit code 1 when something differs and was not repaired.
    """
    from orchestration.walk import verification

    with Screen() as screen, screen.step("verify") as step:
        report = verification.verify(
            read_settings(),
            only=tables or None,
            progress=lambda table, rows, total: step.update(rows, total, note=table),
            repair=repair,
        )
    if as_json:
        print_json(report.to_json())
        return 0 if report.right else 1
    print_table(
        ("source", "relation", "equal", "rows at the source", "rows here", "differing keys", "note"),
        [
            [
                t.source,
                t.relation,
                "yes" if t.equal else "repaired" if t.right else "NO",
                t.rows_source,
                t.rows_warehouse,
                t.differing_keys,
                t.note,
            ]
            for t in report.tables
        ],
    )
    for table in report.tables:
        if table.sample:
            click.echo(f"{table.source}: {_keys(table.sample, table.differing_keys)}")
    click.echo(f"{sum(table.equal for table in report.tables)} of {len(report.tables)} tables are equal")
    for held in report.held:
        click.echo(
            f"a snapshot held the source's VACUUM back for {held.seconds:.1f} s, {held.transactions} transactions long"
        )
    if copied := [table.source for table in report.tables if table.wants_copy]:
        click.echo(f"to be copied anew by 'flux replicate --until-now': {', '.join(copied)}")
    return 0 if report.right else 1


def _keys(sample: tuple[dict[str, str | None], ...], count: int) -> str:
    shown = ", ".join("(" + ", ".join(f"{name} = {value}" for name, value in key.items()) + ")" for key in sample)
    return f"{shown}{f' and {count - len(sample)} more' if count > len(sample) else ''}"
