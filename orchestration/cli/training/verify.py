"""`flux training verify`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings
from orchestration.screen import Screen


@click.command(epilog=examples("flux training verify 3f2a", "flux training verify match/3f2a --files --json"))
@click.argument("dataset", metavar="ID")
@click.option("--files", is_flag=True, help="The directory alone, not what it was made from.")
@json_option
def command(dataset: str, files: bool, as_json: bool) -> int:
    """Tell whether a training set is what it was, and whether what it was made from still is.

    Hashes every file and row again. Then names each input that changed since: specification, position of the as-of
    time, changes of a source up to it, models, code, and the rows that the warehouse gives for it now. A dataset whose
    inputs changed is still good; it could not be had again as it is. Exit code 1 when anything changed.
    """
    from orchestration.walk import training

    with Screen() as screen, screen.step(f"verify {dataset}") as step:
        verified = training.verify_dataset(
            read_settings(),
            dataset,
            files_only=files,
            progress=lambda part, done, total: step.update(done, total, part),
        )
    changes = [[change.kind, change.name, change.was, change.now] for change in verified.changes]
    columns = ("kind", "name", "was", "now")
    if as_json:
        print_json(
            {
                "dataset": verified.name,
                "directory": str(verified.directory),
                "rows": verified.rows,
                "files": verified.files,
                "changes": [dict(zip(columns, change, strict=True)) for change in changes],
                "unasked": verified.unasked,
            }
        )
        return 1 if changes else 0
    if changes:
        print_table(columns, changes)
    told = f"{len(changes)} inputs changed" if changes else "as it was"
    click.echo(f"{verified.name}: {verified.rows:,} rows in {verified.files} files; {told}")
    if verified.unasked:
        click.echo(verified.unasked)
    return 1 if changes else 0
