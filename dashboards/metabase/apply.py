"""Write a plan to the server: each object is read again just before and just after it is written.

Order: collections, groups (a new collection has its parent's rights until then), tables, cards, dashboards, what is
sent: so that what is named is there. The root collection notes a new dashboard's number before anything is placed on
it, and each dashboard's marker notes its cards last: killed anywhere, the next application goes on. Nothing is ever
deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dashboards.metabase import sending
from dashboards.metabase.client import Client
from dashboards.metabase.errors import EditedError, LostWriteError
from dashboards.metabase.found import MAKING, Existing, Found, find
from dashboards.metabase.found import reread as _reread
from dashboards.metabase.identity import NUMBER, Fingerprints, Marker, with_marker, without_marker
from dashboards.metabase.kinds import HANDLERS, find_others
from dashboards.metabase.plan import Change, Plan, fingerprints
from dashboards.metabase.wanted import ROOT, Item
from dashboards.metabase.writing import Body, card_body, collection_body, dashboard_body

Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many
_ORDER: Final = ("collection", "group", "table", "card", "dashboard", "subscription", "alert")
_PRUNED: Final = ("alert", "subscription", "dashboard", "card", "collection")


@dataclass(frozen=True, slots=True)
class Broken:
    """A card that the server could not run; models and metrics are on no dashboard."""

    dashboard: str
    card: str
    url: str


@dataclass(slots=True)
class Applied:
    """What was done."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    ran: int = 0
    broken: list[Broken] = field(default_factory=list)


def apply(
    client: Client, wanted: Mapping[str, Item], found: Found, plan: Plan, *, overwrite: bool, progress: Progress
) -> Applied:
    """Do what the plan says, then run every card of every dashboard.

    Raises EditedError before the first write where the plan would write over somebody's edit and `overwrite` is not
    given, and at an object that changed since the plan was made; LostWriteError where a write did not last.
    """
    if plan.edits and not overwrite:
        names = ", ".join(change.item.id for change in plan.edits)
        raise EditedError(
            f"edited in Metabase: {names}; take the edit into the definition ('flux dashboards diff' shows it), or"
            " write over it with --overwrite-edits"
        )
    done = Applied()
    changes = sorted(plan.changes, key=lambda change: _ORDER.index(change.item.kind))
    for number, change in enumerate(changes):
        progress(change.item.id, number, len(changes))
        if change.action != "note" or not change.item.home:
            _write(client, change, wanted, found, plan, done)
    for key in sorted({change.item.home for change in changes if change.item.kind == "card" and change.item.home}):
        _note(client, wanted, found, key)
    _run(client, wanted, found, done, progress)
    return done


def prune(client: Client, found: Found, plan: Plan, progress: Progress) -> list[str]:
    """Archive what is ours and no longer defined: dashboards before their cards, collections last."""
    order = sorted(plan.unneeded, key=lambda one: _PRUNED.index(one.kind))
    for number, one in enumerate(order):
        progress(one.id, number, len(order))
        _require_unchanged(client, one, found, plan)
        if one.kind in ("alert", "subscription"):
            sending.archive(client, one)
        else:
            client.put(f"/api/{one.kind}/{one.number}", {"archived": True})
        if not reread(client, one, found).fields["archived"]:
            raise LostWriteError(f"{one.id}: Metabase took the archiving, and did not do it")
    return [one.id for one in order]


def _write(client: Client, change: Change, wanted: Mapping[str, Item], found: Found, plan: Plan, done: Applied) -> None:
    item, there = change.item, found.items.get(change.item.id)
    if there is not None:
        _require_unchanged(client, there, found, plan, dict(item.fields))
    match item.kind:
        case "collection":
            written = _write_collection(client, item, there, found)
        case "card":
            raw = _put_or_post(client, item, there, body := card_body(item, there, found))
            if there is not None and "result_metadata" in body:  # with another query the server computes its own first
                client.put(f"/api/card/{there.number}", {"result_metadata": body["result_metadata"]})
            written = Existing("card", item.key, raw["id"], {}, raw)
        case "dashboard":
            written = _write_dashboard(client, item, there, wanted, found)
        case _:
            written = _write_other(client, item, there, found)
    found.items[item.id] = _require_lasted(client, item, written, found)
    if item.kind == "card" and not item.home:
        note_number(client, found.items[item.id], found, fingerprints(item))
    if change.action != "note":
        (done.created if there is None else done.updated).append(item.id)


def _write_collection(client: Client, item: Item, there: Existing | None, found: Found) -> Existing:
    marker = Marker("collection", item.key, {**(_kept(there)), item.id: fingerprints(item)})
    raw = _put_or_post(client, item, there, collection_body(item, marker, found))
    return Existing("collection", item.key, raw["id"], {}, raw, marker)


def write_root(client: Client, item: Item, found: Found) -> None:
    """Make the root collection, whose marker tells where dashboards are, where it is missing."""
    if item.id not in found.items:
        written = _write_collection(client, item, None, found)
        found.items[item.id] = _require_lasted(client, item, written, found)


def _put_or_post(client: Client, item: Item, there: Existing | None, body: Body) -> Body:
    path = f"/api/{item.kind}"
    if there is None:
        return dict(client.post(path, body))
    return dict(client.put(f"{path}/{there.number}", body | {"archived": item.fields["archived"]}))


def _write_dashboard(
    client: Client, item: Item, there: Existing | None, wanted: Mapping[str, Item], found: Found
) -> Existing:
    if there is None:
        start = Marker("dashboard", item.key)
        collection = found.items[f"collection:{item.fields['collection']}"].number
        raw = client.post(
            "/api/dashboard",
            {"name": item.fields["name"], "description": with_marker(MAKING, start), "collection_id": collection},
        )
        there = Existing("dashboard", item.key, raw["id"], {}, raw, start)
        note_number(client, there, found)
    marker = Marker("dashboard", item.key, _applied(item, wanted, found))
    if there.fields.get("archived"):  # nothing can be placed on one that is in the trash
        client.put(f"/api/dashboard/{there.number}", {"archived": False})
    client.put(f"/api/dashboard/{there.number}", dashboard_body(item, there, marker, found))
    return Existing("dashboard", item.key, there.number, {}, there.raw, marker)


def _write_other(client: Client, item: Item, there: Existing | None, found: Found) -> Existing:
    handler = HANDLERS[item.kind]
    number = handler.write(client, item, there, found)
    written = Existing(item.kind, item.key, number, dict(item.fields), {})
    if handler.is_noted:
        note_number(client, written, found, fingerprints(item))
    return written


def note_number(client: Client, one: Existing, found: Found, applied: Mapping[str, str] | None = None) -> None:
    """Let the root collection's marker tell where something is, however it is moved or renamed, and how it was left."""
    root = found.items[f"collection:{ROOT}"]
    noted = {NUMBER: str(one.number), **(applied or {})}
    if _kept(root).get(one.id) == noted:
        return
    marker = Marker("collection", ROOT, {**_kept(root), one.id: noted})
    body = {"description": with_marker(str(root.fields["description"]), marker)}
    client.put(f"/api/collection/{root.number}", body)
    found.items[root.id] = reread(client, root, found)


def _note(client: Client, wanted: Mapping[str, Item], found: Found, key: str) -> None:
    """Renew a dashboard's marker, which tells how its cards were applied."""
    item, there = wanted[f"dashboard:{key}"], found.items[f"dashboard:{key}"]
    marker = Marker("dashboard", key, _applied(item, wanted, found))
    if there.marker != marker:
        caveats = with_marker(without_marker(there.raw.get("caveats")), marker)
        client.put(f"/api/dashboard/{there.number}", {"caveats": caveats})
        found.items[there.id] = reread(client, there, found)


def _applied(dashboard: Item, wanted: Mapping[str, Item], found: Found) -> Fingerprints:
    cards = [item for item in wanted.values() if item.kind == "card" and item.home == dashboard.key]
    numbers = found.numbers("card")
    return {dashboard.id: fingerprints(dashboard)} | {
        item.id: {NUMBER: str(numbers[item.key]), **fingerprints(item)} for item in cards if item.key in numbers
    }


def _kept(there: Existing | None) -> Fingerprints:
    return there.marker.applied if there is not None and there.marker is not None else {}


def _require_unchanged(
    client: Client, there: Existing, found: Found, plan: Plan, wanted: Mapping[str, Any] | None = None
) -> None:
    seen = plan.fingerprints.get(there.id)
    if seen is None or (now := reread(client, there, found)).fingerprint == seen:
        return
    # A collection that comes back from the trash brings its cards along: that was us.
    if dict(now.fields) != wanted:
        raise EditedError(f"{there.id} was edited in Metabase since the plan was made; plan again")


def _require_lasted(client: Client, item: Item, written: Existing, found: Found) -> Existing:
    found.items[item.id] = written  # so that its own number is known when it is read
    lasting = reread(client, written, found)
    lost = [name for name, value in item.fields.items() if lasting.fields.get(name) != value]
    if lost:
        raise LostWriteError(
            f"{item.id}: Metabase took the write, and reads back another {', '.join(lost)};"
            " its version may do that differently: please report it"
        )
    return lasting


def _run(client: Client, wanted: Mapping[str, Item], found: Found, done: Applied, progress: Progress) -> None:
    """Run each card as its dashboard does: a query that fails is answered with 202, too."""
    cards = found.keys("card")
    calls = [
        (item.key, cards[one["card_id"]], one["card_id"], one["id"])
        for item in wanted.values()
        if item.kind == "dashboard"
        for one in found.items[item.id].raw["dashcards"]
        if one.get("card_id") in cards
    ]
    numbers = found.numbers("card")
    calls += [("", item.key, numbers[item.key], 0) for item in wanted.values() if item.kind == "card" and not item.home]
    for dashboard, card, number, place in calls:
        progress("running the cards", done.ran, len(calls))
        path = f"/api/card/{number}/query"
        if dashboard:
            path = f"/api/dashboard/{found.items[f'dashboard:{dashboard}'].number}/dashcard/{place}/card/{number}/query"
        answer: Any = client.post(path, {"parameters": []})
        done.ran += 1
        if answer.get("status") != "completed":
            done.broken.append(Broken(dashboard, card, f"{client.url}/question/{number}"))


def refresh(client: Client, wanted: Mapping[str, Item], tables: Found | None = None) -> Found:
    """Read what is there for these items; `tables` is what is known of the database (`tables.index`)."""
    found = tables if tables is not None else Found()
    find(client, {item.key: str(item.fields["name"]) for item in wanted.values() if item.kind == "card"}, found)
    find_others(client, wanted, found)
    missing = {str(item.fields["name"]) for item in wanted.values() if item.kind == "dashboard"} - {
        str(one.fields["name"]) for one in found.items.values() if one.kind == "dashboard"
    }
    if missing:
        ours = set(found.numbers("dashboard").values())
        found.strangers = {
            one["name"]: one["id"]
            for one in client.get("/api/dashboard")
            if one["name"] in missing and one["id"] not in ours and not one.get("archived")
        }
    return found


def reread(client: Client, one: Existing, found: Found) -> Existing:
    """Read one of ours again, of whatever kind."""
    handler = HANDLERS.get(one.kind)
    return _reread(client, one, found) if handler is None else handler.reread(client, one, found)
