"""Filters of a dashboard of Metabase's as filters of a definition: which card obeys which, by which of its variables.

A filter of a definition chooses one value of a column, and a card obeys one. What Metabase's filters can do beyond that
(ranges of dates, several values, parts of words, two filters on one card) no page could show: it is refused with the
name of the filter, or left behind when that is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dashboards.errors import did_you_mean
from dashboards.metabase.adopt_sql import Choice, Place, origin_in
from dashboards.metabase.errors import AdoptError
from dashboards.metabase.origin import Origin

Json = dict[str, Any]  # Any: the server's own shape
ALL: Final = "All"
_ONE_VALUE: Final = re.compile(
    r"(string|number|boolean)/=|id|category|location/\w+|date/single|text|number|boolean|date"
)


@dataclass(frozen=True, slots=True)
class Native:
    """A card's SQL with its variables, by name."""

    sql: str
    tags: Mapping[str, Json]


@dataclass(slots=True)
class Filters:
    """The filters of a definition."""

    entries: dict[str, Json] = field(default_factory=dict)
    """What the YAML says of each."""
    choices: dict[int, Choice] = field(default_factory=dict)
    """What each card obeys, by its number."""
    origins: dict[str, Origin] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    """Names of filters that do not come along."""


def chosen_filters(raw: Json, results: Mapping[int, Json], place: Place, without: Sequence[str]) -> Filters:
    """Tell the filters of a dashboard; `results` are those of its cards. Raises AdoptError."""
    parameters: list[Json] = raw.get("parameters") or []
    for name in without:
        known = [word for one in parameters for word in (one["name"], one["slug"])]
        if name not in known:
            raise AdoptError(f"the dashboard has no filter {name!r}{did_you_mean(name, known)}")
    kept = [one for one in parameters if not {one["name"], one["slug"]} & set(without)]
    found = Filters()
    keys: set[str] = set()
    for parameter in kept:
        key = free(parameter["slug"], keys, "filter")
        keys.add(key)
        obeying = {
            one["card_id"]: variable
            for one in raw["dashcards"]
            if (variable := _variable(one, parameter["id"])) is not None
        }
        if obeying:
            _add(found, key, parameter, obeying, raw, results, place)
    told = {one["label"] for one in found.entries.values()}
    found.dropped = [one["name"] for one in parameters if one["name"] not in told]
    return found


def _add(
    found: Filters,
    key: str,
    parameter: Json,
    obeying: Mapping[int, str],
    raw: Json,
    results: Mapping[int, Json],
    place: Place,
) -> None:
    """Add one filter and the cards that obey it."""
    name = parameter["name"]
    if not _ONE_VALUE.fullmatch(parameter["type"]):
        raise AdoptError(
            f"the filter {name!r} is of the kind {parameter['type']!r}; a filter of Flux's chooses one value of a"
            f" column: adopt without it (--without {parameter['slug']})"
        )
    given = {column["name"] for number in obeying for column in results[number]["cols"]}
    column = free(key, given, "filter")
    found.entries[key] = {"label": name, "column": column, "all": ALL}
    values = tuple(_listed(parameter))
    for one in raw["dashcards"]:
        number = one.get("card_id")
        if number not in obeying:
            continue
        if number in found.choices:
            raise AdoptError(
                f"the card {one['card']['name']!r} obeys two filters, {found.choices[number].key!r} and {key!r}; one is"
                f" what pages can show: adopt without one of them (--without {parameter['slug']})"
            )
        choice = Choice(key, column, obeying[number], values)
        found.choices[number] = choice
        query = native_of(one["card"])
        origin = origin_in(query.sql, query.tags, place, one["card"]["name"], choice)
        if origin is not None:
            found.origins.setdefault(key, origin)


def _variable(placed: Json, parameter: str) -> str | None:
    """Name the variable of a placed card that a filter sets."""
    for one in placed.get("parameter_mappings") or []:
        target = one["target"]
        if one["parameter_id"] == parameter and placed.get("card_id") is not None:
            if target[0] in ("variable", "dimension") and target[1][0] == "template-tag":
                return str(target[1][1])
            raise AdoptError(f"the card {placed['card']['name']!r} is no SQL; convert it there, then adopt")
    return None


def _listed(parameter: Json) -> list[str]:
    """Give the values that somebody listed; each may stand with its words."""
    if parameter.get("values_source_type") != "static-list":
        return []
    values = (parameter.get("values_source_config") or {}).get("values") or []
    return [str(one[0] if isinstance(one, list) else one) for one in values]


def native_of(card: Json) -> Native:
    """Give a card's SQL. Raises AdoptError for a query of another kind."""
    query = card["dataset_query"]
    stages = query.get("stages") or [{}]
    native = query.get("native")
    sql = native["query"] if isinstance(native, dict) else stages[0].get("native")
    tags = (native if isinstance(native, dict) else stages[0]).get("template-tags") or {}
    if not isinstance(sql, str) or len(stages) != 1:
        raise AdoptError(
            f"the card {card['name']!r} is no SQL; convert it there ('View the SQL', 'Convert this question to SQL'),"
            " then adopt"
        )
    return Native(sql, tags)


def free(title: str, taken: set[str], what: str = "card") -> str:
    """Make a key of a title, one that is not taken."""
    key = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") or what
    key = key if key[0].isalpha() else f"{what}_{key}"
    candidate, number = key, 1
    while candidate in taken:
        number += 1
        candidate = f"{key}_{number}"
    return candidate
