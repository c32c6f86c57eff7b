"""Print tables for people and JSON for machines."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

from orchestration.settings import Settings

Command = TypeVar("Command", bound=Callable[..., object])

# Any: JSON's own value type is recursive and mypy cannot say it without noise.
JsonValue = Any

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def examples(*lines: str) -> str:
    """Format a command's examples for click's epilog, one line each."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def read_settings() -> Settings:
    """Read the settings of this process, once a command needs them."""
    return Settings.read()


def print_json(value: JsonValue) -> None:
    """Print one JSON document, with exact text for what JSON cannot say (dates, decimals, bytes, NaN)."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def plain(value: JsonValue) -> JsonValue:
    """Give a value that JSON can say: ISO times, decimals as numbers where that is exact, bytes as hex."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, decimal.Decimal):
        return _decimal(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def _decimal(value: decimal.Decimal) -> JsonValue:
    if value.is_finite() and value == value.to_integral_value():
        return int(value)
    return float(value) if value.is_finite() and decimal.Decimal(repr(float(value))) == value else str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print rows under their headings: lines and colours on a terminal, plain aligned text otherwise."""
    cells = [["" if cell is None else _cell(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        _print_plain(columns, cells, title)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        right = bool(cells) and all(_is_number(row[number]) for row in cells)
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _print_plain(columns: Sequence[str], cells: list[list[str]], title: str | None) -> None:
    if title:
        click.echo(title)
    widths = [max(len(text) for text in texts) for texts in zip(columns, *cells, strict=True)]
    for row in [list(columns), *cells]:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return str(plain(value))
    return value.isoformat(sep=" ") if isinstance(value, dt.datetime) else str(value)


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "") or "0")
    except ValueError:
        return False
    return True
