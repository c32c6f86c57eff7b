"""`flux training erase-check`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings


@click.command(epilog=examples("flux training erase-check 4711", "flux training erase-check 4711 --json"))
@click.argument("subject")
@json_option
def command(subject: str, as_json: bool) -> int:
    """Tell which training sets hold a person, given as a member id or a subject key.

    Exit code 1 when any does, or cannot be asked. A dataset never changes: after the erasure 'flux training rebuild'
    makes a successor without the person, and then the dataset's directory can be deleted.
    """
    from orchestration.walk import training

    found = training.check_erasure(read_settings(), subject)
    if as_json:
        print_json(
            [
                {
                    "dataset": f"{one.name}/{one.id}",
                    "directory": str(one.directory),
                    "rows": one.rows,
                    "problem": one.problem,
                }
                for one in found
            ]
        )
        return 1 if found else 0
    if not found:
        click.echo("no training set holds this person")
        return 0
    print_table(("dataset", "rows", "problem"), [[f"{one.name}/{one.id}", one.rows, one.problem] for one in found])
    for one in found:
        if one.rows:
            click.echo(f"a successor without those who left: flux training rebuild {one.id}")
    return 1
