"""`flux training explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings

if TYPE_CHECKING:
    from orchestration.walk.explaining import Source, Told

_SHOWN = 3  # versions of one value; --json has all


@click.command(epilog=examples("flux training explain 4711", "flux training explain 4711 --dataset match/0f3a --json"))
@click.argument("row_id", type=int)
@click.option("--dataset", help="Its name/id, the beginning of its id, or its directory; unset: the one built last.")
@json_option
def command(row_id: int, dataset: str | None, as_json: bool) -> int:
    """Print where each value of a row came from, and what the same rule gives today.

    For each column: the value then, the versions of the product's rows that it was made of with their commits, and the
    value as it would be now. Values go to this terminal and nowhere else.
    """
    from orchestration.walk import explaining

    name, told = explaining.explain(read_settings(), row_id, dataset)
    if as_json:
        print_json({"dataset": name, "row": row_id, "values": [asdict(one) for one in told]})
        return 0
    columns = ("column", "then", "now", "rule", "from", "position", "committed at")
    print_table(columns, (row for one in told for row in _rows(one)), title=f"row {row_id} of {name}")
    return 0


def _rows(told: Told) -> Iterator[Sequence[object]]:
    """Lay a value out over lines, one for each version that it was made of."""
    then = f"{told.value}" + ("" if told.agrees is not False else " (the histories say otherwise)")
    first: Sequence[object] = (told.column, then, told.now, told.rule)
    shown: list[Source] = list(told.sources[-_SHOWN:])
    if not shown:
        yield (*first, "", "", "")
    for number, source in enumerate(shown):
        key = ", ".join(str(part) for part in source.key)
        head = first if number == 0 else ("", "", "", "")
        yield (*head, f"{source.table} {key} ({source.op})", source.position, source.committed_at)
    if len(told.sources) > _SHOWN:
        yield ("", "", "", "", f"and {len(told.sources) - _SHOWN} more", "", "")
