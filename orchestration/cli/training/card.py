"""`flux training card`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings


@click.command(epilog=examples("flux training card 3f2a", "flux training card match/3f2a --json"))
@click.argument("dataset", metavar="ID")
@json_option
def command(dataset: str, as_json: bool) -> int:
    """Print a training set's card: what its columns mean, who is left out and why, what was checked.

    With --json, the manifest that the card is made from.
    """
    import training

    opened = training.open(dataset, read_settings().datasets_directory)
    if as_json:
        print_json(opened.manifest.document)
    else:
        click.echo((opened.directory / "CARD.md").read_text(encoding="utf-8"), nl=False)
    return 0
