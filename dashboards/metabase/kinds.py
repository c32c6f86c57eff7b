"""Kinds of items that are no content: groups with their rights, tables, what is sent.

Each is found, read again and written by a module of its own; collections, cards and dashboards by `found` and `apply`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dashboards.metabase import rights, sending, tables
from dashboards.metabase.client import Client
from dashboards.metabase.found import Existing, Found
from dashboards.metabase.wanted import Item, Kind


@dataclass(frozen=True, slots=True)
class Handler:
    """How a kind is read again, and written; `write` gives the server's number."""

    reread: Callable[[Client, Existing, Found], Existing]
    write: Callable[[Client, Item, Existing | None, Found], int]
    is_noted: bool = True
    """The root collection's marker tells how it was applied; a table tells itself."""


HANDLERS: Final[Mapping[Kind, Handler]] = {
    "group": Handler(rights.reread, rights.write),
    "table": Handler(tables.reread, tables.write, is_noted=False),
    "subscription": Handler(sending.reread, sending.write),
    "alert": Handler(sending.reread, sending.write),
}


def find_others(client: Client, wanted: Mapping[str, Item], found: Found) -> None:
    """Add groups and what is sent to what was found of ours."""
    groups = [item for item in wanted.values() if item.kind == "group"]
    for one in (*rights.find(client, groups, found), *sending.find(client, wanted.values(), found)):
        found.items[one.id] = one
