"""Take one card that somebody made in Metabase into a dashboard that is defined: at its end, over the whole width.

The dashboard's file is changed as text, so that what people wrote in it stays as they wrote it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from dashboards.metabase.adopt import entry_of, ran, sql_of
from dashboards.metabase.adopt_filters import free
from dashboards.metabase.adopt_sql import Place
from dashboards.metabase.client import Client
from dashboards.metabase.errors import AdoptError
from dashboards.metabase.found import Found, card_of
from dashboards.metabase.identity import NUMBER, Marker, fingerprint, with_marker, without_marker
from dashboards.model import GRID_COLUMNS

Json = dict[str, Any]  # Any: the server's own shape


def add_card(client: Client, raw: Json, file: Path, *, place: Place, taken: set[str]) -> tuple[str, dict[Path, str]]:
    """Give the card's key, and the files with it: its SQL, and the dashboard's definition. Raises AdoptError."""
    key = free(raw["name"], taken)
    result = ran(client, raw)
    sql, entry = sql_of(raw, result, place), entry_of(raw, result)
    path = file.parent / "cards" / f"{key}.sql"
    if path.exists():
        raise AdoptError(f"{str(path)!r} is there already; rename the card there")
    return key, {path: sql, file: _with_entry(file, key, entry)}


def _with_entry(file: Path, key: str, entry: Json) -> str:
    """Put a row behind the rows, and the entry behind the cards: both are blocks of the file's top level."""
    text = file.read_text(encoding="utf-8")
    written = yaml.safe_dump({key: entry}, sort_keys=False, allow_unicode=True, width=140)
    for name, more in (("rows", f"- {{{key}: {GRID_COLUMNS}}}\n"), ("cards", written)):
        block = re.search(rf"^{name}:[ ]*\n((?:[ \t#-].*\n|\n)*)", text, re.MULTILINE)
        if block is None:
            raise AdoptError(
                f"'{name}' of {str(file)!r} is not written as a block; write it so, or add the card by hand"
            )
        first = re.search(r"^( *)\S", block.group(1), re.MULTILINE)
        indent = first.group(1) if first is not None else "  "
        lines = "".join(f"{indent}{line}\n" for line in more.splitlines())
        end = block.start(1) + len(block.group(1).rstrip("\n")) + 1
        text = f"{text[:end]}{lines}{text[end:]}" if name == "rows" else f"{text[:end]}\n{lines}{text[end:]}"
    return text


def mark_card(client: Client, key: str, number: int, found: Found, dashboard: str) -> None:
    """Let the dashboard's marker tell the card's number, and that it is as somebody left it."""
    board = found.items[f"dashboard:{dashboard}"]
    one = card_of(client.get(f"/api/card/{number}"), key, found)
    noted = {name: fingerprint(value) for name, value in one.fields.items()} | {NUMBER: str(number)}
    applied = board.marker.applied if board.marker is not None else {}
    marker = Marker("dashboard", dashboard, {**applied, one.id: noted})
    caveats = with_marker(without_marker(board.raw.get("caveats")), marker)
    client.put(f"/api/dashboard/{board.number}", {"caveats": caveats})
