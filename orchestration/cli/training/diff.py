"""`flux training diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings

if TYPE_CHECKING:
    from training.compare import Difference


@click.command(epilog=examples("flux training diff 3f2a 91bc", "flux training diff 3f2a 91bc --json"))
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@json_option
def command(first: str, second: str, as_json: bool) -> int:
    """Tell how two training sets differ: specification, columns, rows by id, base rates.

    Exit code 1 when they do.
    """
    import training
    from training.compare import compare

    datasets = read_settings().datasets_directory
    found = compare(training.open(first, datasets), training.open(second, datasets))
    if as_json:
        print_json(found.to_json())
        return 0 if found.same else 1
    for line in _lines(found):
        click.echo(line)
    rates = [
        [split, label, before, after]
        for split, labels in found.base_rates.items()
        for label, (before, after) in labels.items()
        if before != after
    ]
    if rates:
        print_table(("split", "label", "base rate was", "is"), rates)
    return 0 if found.same else 1


def _lines(found: Difference) -> list[str]:
    if found.same:
        return [f"{found.first} and {found.second} are the same: {found.rows_same:,} rows"]
    lines = [f"{found.first} -> {found.second}"]
    if found.as_of[0] != found.as_of[1]:
        lines.append(f"as of {found.as_of[0]} -> {found.as_of[1]}")
    lines += [f"specification {path}: {before!r} -> {after!r}" for path, (before, after) in found.spec.items()]
    for what, columns in (("new", found.columns_added), ("gone", found.columns_removed)):
        if columns:
            lines.append(f"columns {what}: {', '.join(columns)}")
    lines += [
        f"column {name} has type {after}, had {before}" for name, (before, after) in found.columns_retyped.items()
    ]
    lines.append(
        f"rows: {found.rows_added:,} new, {found.rows_removed:,} gone, {found.rows_changed:,} changed,"
        f" {found.rows_same:,} the same"
    )
    lines += [f"column {name} changed in {count:,} rows" for name, count in found.columns_changed.items()]
    return lines
