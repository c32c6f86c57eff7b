"""Take a dashboard that somebody made in Metabase: a definition of it, and markers by which it is ours from then on.

The definition says what a file can say: cards of SQL, rows that fill the grid, charts that pages draw, too. What it
says otherwise than Metabase does (widths, tables by `ref`) is in the next plan as a change of the definition; here
nothing is changed there but the markers. What cannot be said is refused before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlglot
import yaml
from sqlglot import exp

from dashboards.compile import READABLE_SCHEMAS
from dashboards.metabase.apply import adopted, note_number, write_root
from dashboards.metabase.client import Client
from dashboards.metabase.errors import AdoptError
from dashboards.metabase.found import Existing, Found, card_of, dashboard_of
from dashboards.metabase.identity import Marker, fingerprint, marker_of, with_marker, without_marker
from dashboards.metabase.taken import chart_of
from dashboards.metabase.wanted import Item
from dashboards.model import GRID_COLUMNS

Json = dict[str, Any]  # Any: the server's own shape
SERVED: Final = "serving"
_REF: Final = "flux_ref_{}_fer_xulf"
_REF_BACK: Final = re.compile(r'"?flux_ref_(\w+?)_fer_xulf"?')


@dataclass(frozen=True, slots=True)
class Draft:
    """What a dashboard of Metabase's is as a definition; `cards` are the server's numbers by key."""

    key: str
    yaml: str
    sql: Mapping[str, str]
    cards: Mapping[str, int]
    left: tuple[str, ...]
    """What stays there as it is, and is not ours."""


def drafted(
    client: Client,
    raw: Json,
    *,
    key: str,
    owner: str,
    audience: str,
    order: int,
    engine: str,
    relations: Mapping[str, str],
    taken: Iterable[str],
) -> Draft:
    """Write the definition of a dashboard as the server gave it. Raises AdoptError for what no definition can say.

    Runs each card once, to know its columns. `relations` are those of the models, `taken` the keys of other cards.
    """
    if raw.get("parameters"):
        filters = ", ".join(repr(one["name"]) for one in raw["parameters"])
        raise AdoptError(
            f"the dashboard has filters ({filters}), which are variables inside its cards there; a filter of Flux's"
            " is a column of the result: remove them, adopt, and add 'filters' to the file"
        )
    placed = [one for one in raw["dashcards"] if one.get("card_id") is not None]
    numbers = [one["card_id"] for one in placed]
    if doubled := {one["card"]["name"] for one in placed if numbers.count(one["card_id"]) > 1}:
        raise AdoptError(f"the card {min(doubled)!r} is placed twice; a definition places a card once: remove one")
    if not placed:
        raise AdoptError("the dashboard has no card")
    names: dict[int, str] = {}
    for one in placed:
        names[one["card_id"]] = free(one["card"]["name"], {*taken, *names.values()})
    cards, sql = {}, {}
    for one in placed:
        name = names[one["card_id"]]
        sql[name], cards[name] = entry_of(client, one["card"], engine, relations)
    words = raw.get("description") or raw["name"]
    question = words if words.endswith("?") else f"{words.rstrip('.')}?"
    document = {
        "title": raw["name"], "question": question, "order": order, "owner": owner, "audience": audience,
        "rows": _rows(placed, names), "cards": cards,
    }  # fmt: skip
    left = [_text(one) for one in raw["dashcards"] if one.get("card_id") is None]
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=140)
    return Draft(key, text, sql, {name: number for number, name in names.items()}, tuple(left))


def entry_of(client: Client, card: Json, engine: str, relations: Mapping[str, str]) -> tuple[str, Json]:
    """Write a card's SQL file and its entry in the YAML; runs it once. Raises AdoptError."""
    sql = authored(_native(card), engine, relations, card["name"])
    answer = client.post(f"/api/card/{card['id']}/query", {"parameters": []})
    if answer.get("status") != "completed":
        raise AdoptError(f"the card {card['name']!r} does not run there: mend it first")
    entry = {"title": card["name"], **chart_of(card, answer["data"])}
    return sql, entry | {"expect": {"rows": ">= 0"}}  # its reviewer knows more


def matched(raw: Json, key: str, wanted: Mapping[str, Item]) -> Draft:
    """Match a dashboard with a definition that is there already: cards by their titles, once each."""
    titles = {item.fields["name"]: item.key for item in wanted.values() if item.kind == "card" and item.home == key}
    cards: dict[str, int] = {}
    left = []
    for one in raw["dashcards"]:
        name = (one.get("card") or {}).get("name")
        if name in titles and titles[name] not in cards:
            cards[titles[name]] = one["card_id"]
        else:
            left.append(str(name or _text(one)))
    return Draft(key, "", {}, cards, tuple(left))


def write(draft: Draft, directory: Path) -> list[Path]:
    """Write the draft's files below `directory`; raise AdoptError where one is there already."""
    files = {directory / f"{draft.key}.yaml": draft.yaml}
    files |= {directory / "cards" / f"{name}.sql": text for name, text in draft.sql.items()}
    for path in files:
        if path.exists():
            raise AdoptError(f"{str(path)!r} is there already; give another --key")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def mark(client: Client, raw: Json, draft: Draft, found: Found, root: Item) -> None:
    """Set the markers: the dashboard is ours, its cards are known by their numbers, and all are as somebody left them.

    Again is harmless. `root` is the collection whose marker tells where dashboards are; it is made where it is missing.
    """
    write_root(client, root, found)
    for name, number in draft.cards.items():
        one = card_of(client.get(f"/api/card/{number}"), name, found)
        found.items[one.id] = one
    there = dashboard_of(raw, Marker("dashboard", draft.key), found)
    applied = {there.id: _fingerprints(there)}
    for name in draft.cards:
        one = found.items[f"card:{name}"]
        applied[one.id] = _fingerprints(one) | adopted(name, found)
    note_number(client, there, found)  # first: a number without its marker means nothing yet
    marker = Marker("dashboard", draft.key, applied)
    client.put(f"/api/dashboard/{there.number}", {"caveats": with_marker(without_marker(raw.get("caveats")), marker)})


def require_unmanaged(raw: Json, key: str, defined: Iterable[str]) -> None:
    """Raise AdoptError when a dashboard is ours already.

    One that is marked and not defined was left by an adoption that did not hear of its last write; it may be repeated.
    """
    marker = marker_of(raw.get("caveats"))
    if marker is not None and marker.applied and (marker.key != key or key in set(defined)):
        raise AdoptError(f"the dashboard is Flux's already, as {marker.key!r}")


def authored(sql: str, engine: str, relations: Mapping[str, str], card: str) -> str:
    """Write a card's SQL as it stands in a file: DuckDB's dialect, tables by `ref`. Raises AdoptError."""
    if "{{" in sql or "[[" in sql:
        raise AdoptError(
            f"the card {card!r} has variables or snippets in its SQL; a card of Flux's returns a row for each value"
            " instead: rewrite it, then adopt"
        )
    models = {
        (SERVED if engine == "postgres" else relation.partition(".")[0], relation.partition(".")[2]): model
        for model, relation in relations.items()
        if relation.partition(".")[0] in READABLE_SCHEMAS
    }
    try:
        tree = sqlglot.parse_one(sql, dialect=engine)
    except sqlglot.errors.SqlglotError as error:
        raise AdoptError(f"the SQL of the card {card!r} cannot be read") from error
    defined = {one.alias_or_name for one in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        model = models.get((table.db, table.name))
        if model is None and not table.db and table.name in defined:
            continue
        if model is None:
            raise AdoptError(
                f"the card {card!r} reads {table.sql(dialect=engine)}, which is no published model of"
                f" {' or '.join(READABLE_SCHEMAS)}"
            )
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("db", None)
        table.set("this", exp.to_identifier(_REF.format(model)))
    if isinstance(tree, exp.Query) and tree.args.get("order") is None:
        tree = tree.order_by("1")
    text = tree.sql(dialect="duckdb", pretty=True)
    return _REF_BACK.sub(r"{{ ref('\1') }}", text) + "\n"


def _native(card: Json) -> str:
    query = card["dataset_query"]
    stages = query.get("stages") or [{}]
    native = query.get("native")
    sql = native["query"] if isinstance(native, dict) else stages[0].get("native")
    if not isinstance(sql, str) or len(stages) != 1:
        raise AdoptError(
            f"the card {card['name']!r} is no SQL; convert it there ('View the SQL', 'Convert this question to SQL'),"
            " then adopt"
        )
    return sql


def _rows(placed: list[Json], names: Mapping[int, str]) -> list[dict[str, int]]:
    """Bring cards that begin at one height into one row, and let it fill the grid."""
    rows: list[dict[str, int]] = []
    for top in sorted({one["row"] for one in placed}):
        line = sorted((one for one in placed if one["row"] == top), key=lambda one: int(one["col"]))
        total, used, widths = sum(one["size_x"] for one in line), 0, {}
        for place, one in enumerate(line):
            rest = len(line) - place - 1
            width = max(1, min(GRID_COLUMNS - used - rest, round(one["size_x"] * GRID_COLUMNS / total)))
            widths[names[one["card_id"]]] = width if rest else GRID_COLUMNS - used
            used += width
        rows.append(widths)
    return rows


def free(title: str, taken: set[str]) -> str:
    """Make a key of a title, one that no other card has."""
    key = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") or "card"
    key = key if key[0].isalpha() else f"card_{key}"
    candidate, number = key, 1
    while candidate in taken:
        number += 1
        candidate = f"{key}_{number}"
    return candidate


def _text(one: Json) -> str:
    return f"a text, dashcard {one['id']}"


def _fingerprints(one: Existing) -> dict[str, str]:
    return {name: fingerprint(value) for name, value in one.fields.items()}
