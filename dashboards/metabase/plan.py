"""The difference between what is wanted and what is there, with its cause.

Three-way, field by field: the value that is wanted, the value that is there, and a fingerprint of the value as it was
last applied. Equal is equal, however it came about; so an application that died in the middle is healed by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from dashboards.metabase.found import Existing, Found
from dashboards.metabase.identity import fingerprint
from dashboards.metabase.wanted import Item

Cause = Literal["definition", "edited", "both", "unknown"]
Action = Literal["create", "update", "note"]
_LASTING: Final = ("group", "table")  # a group cannot be archived, a table is the warehouse's
_WORDS: Mapping[Cause, str] = {
    "definition": "the definition changed",
    "edited": "edited in Metabase",
    "both": "the definition changed, and it was edited in Metabase",
    "unknown": "nobody noted how it was applied",
}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. Any: JSON."""

    name: str
    there: Any
    wanted: Any
    cause: Cause

    @property
    def words(self) -> str:
        """The cause in words."""
        return _WORDS[self.cause]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to one item; `note` writes only down how it stands."""

    item: Item
    action: Action
    fields: tuple[FieldChange, ...] = ()

    @property
    def is_edited(self) -> bool:
        """Whether somebody's edit in Metabase would be written over."""
        return any(one.cause in ("edited", "both") for one in self.fields)


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something on a dashboard of ours that is not ours. It stays."""

    dashboard: str
    title: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """A dashboard that has the name of one that is to be made, and is not ours."""

    dashboard: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that an application would do, in order, and what it was made from."""

    changes: tuple[Change, ...]
    unneeded: tuple[Existing, ...]
    """Ours, but no longer defined: `prune` archives them."""
    foreign: tuple[Foreign, ...]
    strangers: tuple[Stranger, ...]
    """Of these `adopt` makes ours; without, there will be two of the name."""
    exposed: tuple[str, ...]
    """Who may see what is ours though no file says so. It is told, and stays."""
    fingerprints: Mapping[str, str]
    """Of each item that is there, as the plan saw it."""

    @property
    def edits(self) -> tuple[Change, ...]:
        """Changes that would write over somebody's edit."""
        return tuple(change for change in self.changes if change.is_edited)


def plan(wanted: Mapping[str, Item], found: Found) -> Plan:
    """Compare. Pure: reads nothing."""
    changes = [change for item in wanted.values() if (change := _change(item, found)) is not None]
    unneeded = [
        one
        for one in found.items.values()
        if one.id not in wanted and one.kind not in _LASTING and not one.fields["archived"]
    ]
    foreign = [
        Foreign(one.key, str((raw.get("card") or {}).get("name") or f"a text, dashcard {raw['id']}"))
        for one in found.items.values()
        for raw in one.foreign
        if one.id in wanted
    ]
    seen = {one.id: one.fingerprint for one in found.items.values()}
    strangers = [
        Stranger(change.item.key, name, found.strangers[name])
        for change in changes
        if change.item.kind == "dashboard" and (name := str(change.item.fields["name"])) in found.strangers
    ]
    public = [f"{one.id} has a public link: who knows it sees it" for one in found.items.values() if _is_public(one)]
    return Plan(tuple(changes), tuple(unneeded), tuple(foreign), tuple(strangers), (*found.exposed, *public), seen)


def _is_public(one: Existing) -> bool:
    return one.kind in ("card", "dashboard") and one.raw.get("public_uuid") is not None


def _change(item: Item, found: Found) -> Change | None:
    there = found.items.get(item.id)
    if there is None:
        return Change(item, "create")
    noted = found.applied(item.id, item.home)
    fields = [
        FieldChange(name, there.fields.get(name), value, _cause(value, there.fields.get(name), noted.get(name)))
        for name, value in item.fields.items()
        if there.fields.get(name) != value
    ]
    if fields:
        return Change(item, "update", tuple(fields))
    return None if noted == fingerprints(item) else Change(item, "note")


def fingerprints(item: Item) -> dict[str, str]:
    """What a marker notes of an item."""
    return {name: fingerprint(value) for name, value in item.fields.items()}


def _cause(wanted: Any, there: Any, noted: str | None) -> Cause:
    if noted is None:
        return "unknown"
    if noted == fingerprint(there):
        return "definition"
    return "edited" if noted == fingerprint(wanted) else "both"
