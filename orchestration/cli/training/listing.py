"""`flux training list`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings


@click.command(epilog=examples("flux training list --json"))
@json_option
def command(as_json: bool) -> int:
    """List the training sets that are here."""
    import training

    found = training.entries(read_settings().datasets_directory)
    columns = ("name", "id", "as_of", "built_at", "rows", "size_bytes", "problem")
    rows = [[getattr(entry, column) for column in columns] for entry in found]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)
    return 0
