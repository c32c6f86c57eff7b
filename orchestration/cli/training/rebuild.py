"""`flux training rebuild`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.cli.training.asking import out_option
from orchestration.screen import Screen


@click.command(epilog=examples("flux training rebuild 3f2a", "flux training rebuild manifest.json --out /tmp/again"))
@click.argument("dataset", metavar="ID|MANIFEST")
@out_option
@json_option
def command(dataset: str, out: Path | None, as_json: bool) -> int:
    """Build a training set again from its manifest alone.

    The rows come out the same, or without people who withdrew consent or were erased since: then that is a dataset of
    its own, a successor, and everything else in it is proved to be as it was. Anything else is an error that names what
    differs, and nothing is left behind.
    """
    from orchestration.walk import training

    with Screen() as screen, screen.step(f"rebuild {dataset}") as step:
        rebuilt = training.rebuild_dataset(
            read_settings(), dataset, out=out, progress=lambda part, done, total: step.update(done, total, part)
        )
    if as_json:
        print_json(
            {
                "id": rebuilt.id,
                "directory": str(rebuilt.directory),
                "created": rebuilt.created,
                "successor": rebuilt.successor,
                "rows": rebuilt.rows,
                "files_differing": rebuilt.files_differing,
                "left_out": dict(rebuilt.left_out),
                "rows_left_out": rebuilt.rows_left_out,
            }
        )
        return 0
    if rebuilt.successor:
        reasons = ", ".join(f"{people:,} {reason}" for reason, people in rebuilt.left_out.items())
        people = sum(rebuilt.left_out.values())
        click.echo(f"a successor without {people:,} people and their {rebuilt.rows_left_out:,} rows ({reasons})")
    elif rebuilt.files_differing is None:
        click.echo(f"the same {rebuilt.rows:,} rows; other versions write other bytes, so files were not compared")
    elif rebuilt.files_differing:
        click.echo(f"the same {rebuilt.rows:,} rows, in other bytes: {', '.join(rebuilt.files_differing)}")
    else:
        click.echo(f"the same {rebuilt.rows:,} rows, and the same bytes")
    click.echo(f"{'made' if rebuilt.created else 'there already'}: {rebuilt.directory}")
    return 0
