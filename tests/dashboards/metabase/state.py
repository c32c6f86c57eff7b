"""What the stand-in for Metabase keeps, and how strictly it takes what it is told.

Written from Metabase's OpenAPI document and from what its own clients rely on, not from our deployer: it refuses what
a real server refuses (or would store as nonsense), and gives back what it took in another form, as a real one does.
"""

from __future__ import annotations

import copy
import itertools
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tests.dashboards.metabase import queries, strict
from tests.dashboards.metabase.people import People
from tests.dashboards.metabase.schema import Schema, base_type
from tests.dashboards.metabase.sent import Sent
from tests.dashboards.metabase.strict import Json, RefusedError

__all__ = ["Json", "RefusedError", "State"]
DISPLAYS = frozenset(
    (
        *(
            "table",
            "scalar",
            "smartscalar",
            "gauge",
            "progress",
            "bar",
            "row",
            "line",
            "area",
            "combo",
            "pie",
            "funnel",
        ),
        *("map", "scatter", "waterfall", "pivot", "object"),
    )
)
PARAMETER_TYPES = frozenset(
    (
        *(f"number/{one}" for one in ("=", "!=", "between", ">=", "<=")),
        *(f"string/{one}" for one in ("=", "!=", "contains", "does-not-contain", "starts-with", "ends-with")),
        *(f"date/{one}" for one in ("single", "range", "relative", "month-year", "quarter-year", "all-options")),
        *(f"location/{one}" for one in ("city", "state", "zip_code", "country")),
        *("boolean/=", "temporal-unit", "id", "category", "number", "text", "date", "boolean"),
    )
)
GRID = 24
DASHCARD = frozenset(
    (
        *("id", "size_x", "size_y", "row", "col", "card_id", "action_id", "dashboard_tab_id", "parameter_mappings"),
        *("visualization_settings", "inline_parameters", "series"),
    )
)
MODELS = {"metric": "metric", "model": "dataset"}  # what a collection's list calls a card of that type


class State:
    """Collections, cards and dashboards of one server; people, tables and what is sent stand beside."""

    def __init__(
        self,
        ask: Callable[[str], list[tuple[Any, ...]]],
        database: int,
        there: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
    ) -> None:
        self.ask, self.database = ask, database
        self.collections: dict[int, Json] = {}
        self.cards: dict[int, Json] = {}
        self.dashboards: dict[int, Json] = {}
        self._numbers = itertools.count(101)
        self._clock = itertools.count(1)
        self.people = People(database)
        self.schema = Schema(database, there or {})
        self.sent = Sent(self, lambda: next(self._numbers))
        self.embeds = True
        """Whether an administrator allowed signed embedding."""

    # ---------- collections

    def list_collections(self, archived: bool) -> list[Json]:
        root: list[Json] = [] if archived else [{"id": "root", "name": "Our analytics", "archived": False}]
        return root + [copy.deepcopy(one) for one in self.collections.values() if one["archived"] == archived]

    def add_collection(self, body: Json) -> Json:
        self._only(body, {"name", "description", "parent_id", "namespace", "authority_level"})
        self._text(body, "name")
        parent = body.get("parent_id")
        number = next(self._numbers)
        location = "/" if parent is None else f"{self._of(self.collections, parent)['location']}{parent}/"
        self.collections[number] = {
            "id": number, "name": body["name"], "description": self._optional(body, "description"),
            "location": location, "archived": False, "slug": body["name"].lower(), "entity_id": self._entity(),
        }  # fmt: skip
        self.people.collection_made(number, parent)
        return copy.deepcopy(self.collections[number])

    def change_collection(self, number: int, body: Json) -> Json:
        self._only(body, {"name", "description", "parent_id", "archived", "authority_level"})
        one = self._of(self.collections, number)
        if "parent_id" in body:
            parent = body["parent_id"]
            one["location"] = "/" if parent is None else f"{self._of(self.collections, parent)['location']}{parent}/"
        for name in ("name", "description", "archived"):
            if name in body:
                one[name] = body[name]
        if "archived" in body:  # what is in it goes with it
            for item in (*self.cards.values(), *self.dashboards.values()):
                if item["collection_id"] == number:
                    item["archived"] = body["archived"]
        return copy.deepcopy(one)

    def items(self, number: int, models: str | None) -> Json:
        self._of(self.collections, number)
        found = [
            {name: one[name] for name in ("id", "name", "description", "archived")} | {"model": model}
            for kind, store in (("card", self.cards), ("dashboard", self.dashboards))
            for one in store.values()
            if one["collection_id"] == number and not one["archived"]
            if (model := MODELS.get(one.get("type") or "", kind)) and (models is None or model in models.split(","))
        ]
        return {"data": found, "total": len(found)}

    # ---------- cards

    def add_card(self, body: Json) -> Json:
        self._only(body, {
            "name", "description", "type", "display", "dataset_query", "visualization_settings", "collection_id",
            "entity_id", "cache_ttl", "parameters", "result_metadata", "dashboard_id",
        })  # fmt: skip
        for name in ("name", "display"):
            self._text(body, name)
        for name in ("dataset_query", "visualization_settings"):
            if not isinstance(body.get(name), dict):
                raise RefusedError(400, {"errors": {name: "value must be a map."}})
        number = next(self._numbers)
        # The document names `entity_id`, and the server's own `create-card!` makes another all the same.
        card: Json = {"id": number, "entity_id": self._entity(), "archived": False, "type": "question"}
        card |= {"description": None, "collection_id": None, "dashboard_id": None, "public_uuid": None}
        card |= {"enable_embedding": False, "embedding_params": None, "parameters": [], "result_metadata": None}
        self.cards[number] = card
        try:
            return self.change_card(number, {name: value for name, value in body.items() if name != "entity_id"})
        except RefusedError:
            del self.cards[number]
            raise

    def change_card(self, number: int, body: Json) -> Json:
        self._only(body, {
            "name", "description", "type", "display", "dataset_query", "visualization_settings", "collection_id",
            "archived", "cache_ttl", "parameters", "enable_embedding", "embedding_params", "collection_position",
            "dashboard_id", "result_metadata",
        })  # fmt: skip
        card = self._of(self.cards, number)
        if body.get("enable_embedding", card["enable_embedding"]) != card["enable_embedding"] and not self.embeds:
            raise RefusedError(400, "Embedding is not enabled.")
        if "display" in body and body["display"] not in DISPLAYS:
            raise RefusedError(400, {"errors": {"display": f"unknown display {body['display']!r}"}})
        if body.get("description") == "":
            raise RefusedError(400, {"errors": {"description": "value must be a non-blank string, or null."}})
        if body.get("collection_id") is not None:
            self._of(self.collections, body["collection_id"])
        if body.get("type", "question") not in ("question", "model", "metric"):
            raise strict.wrong("type", "nullable enum of question, metric, model")
        if "dataset_query" in body:
            queries.check(body["dataset_query"], body.get("type") or card["type"], self.database, self.schema)
        metadata = queries.check_metadata(body.get("result_metadata", card["result_metadata"]))
        if "dataset_query" in card and body.get("dataset_query", card["dataset_query"]) != card["dataset_query"]:
            metadata = card["result_metadata"]  # of another query the server computes it, later
        card |= copy.deepcopy(body) | {"result_metadata": metadata}
        card["updated_at"] = self._now()
        return self.card(number)

    def card(self, number: int) -> Json:
        """Give a card as version 57 and later do: MBQL 5, with ids of the server's own, its keys in another order."""
        card = copy.deepcopy(self._of(self.cards, number))
        card["dataset_query"], query_type = queries.given_back(card["dataset_query"])
        card |= {"query_type": query_type, "database_id": self.database, "table_id": None, "creator_id": 1}
        return dict(sorted(card.items(), reverse=True))

    # ---------- dashboards

    def add_dashboard(self, body: Json) -> Json:
        self._only(body, {"name", "description", "parameters", "cache_ttl", "collection_id", "collection_position"})
        self._text(body, "name")
        if body.get("collection_id") is not None:
            self._of(self.collections, body["collection_id"])
        number = next(self._numbers)
        self.dashboards[number] = {
            "id": number, "name": body["name"], "description": self._optional(body, "description"),
            "collection_id": body.get("collection_id"), "parameters": body.get("parameters") or [], "dashcards": [],
            "tabs": [], "archived": False, "caveats": None, "points_of_interest": None, "entity_id": self._entity(),
            "enable_embedding": False, "embedding_params": None, "updated_at": self._now(), "creator_id": 1,
            "width": "fixed", "auto_apply_filters": True, "public_uuid": None, "cache_ttl": None,
        }  # fmt: skip
        return self.dashboard(number)

    def change_dashboard(self, number: int, body: Json) -> Json:
        self._only(body, {
            "name", "description", "caveats", "points_of_interest", "collection_id", "archived", "parameters", "tabs",
            "dashcards", "cache_ttl", "width", "auto_apply_filters", "enable_embedding", "embedding_params",
            "collection_position",
        })  # fmt: skip
        dashboard = self._of(self.dashboards, number)
        if "dashcards" in body and dashboard["archived"]:  # also when the same call takes it out of the trash
            raise RefusedError(404, {"message": "The object has been archived.", "error_code": "archived"})
        if body.get("collection_id") is not None:
            self._of(self.collections, body["collection_id"])
        parameters: list[Json] = body["parameters"] if "parameters" in body else dashboard["parameters"]
        ids = [str(one.get("id")) for one in parameters]
        if len(set(ids)) != len(ids):
            raise RefusedError(400, {"errors": {"parameters": "ids must be unique"}})
        for one in parameters:
            if one.get("type") not in PARAMETER_TYPES or not one.get("slug") or not one.get("name"):
                raise RefusedError(400, {"errors": {"parameters": f"parameter {one.get('id')!r} is malformed"}})
            if one.get("values_source_type") == "card":
                self._of(self.cards, one["values_source_config"]["card_id"])
        if body.get("enable_embedding", dashboard["enable_embedding"]) != dashboard["enable_embedding"] or (
            body.get("embedding_params", dashboard["embedding_params"]) != dashboard["embedding_params"]
        ):
            self._check_embedding(body, {one["slug"] for one in parameters})
        tabs = self._tabs(dashboard, body)
        if "dashcards" in body:
            dashboard["dashcards"] = self._placed(dashboard, body["dashcards"], set(ids), tabs)
        kept = {name: copy.deepcopy(value) for name, value in body.items() if name not in ("dashcards", "tabs")}
        dashboard |= kept
        dashboard["updated_at"] = self._now()
        return self.dashboard(number)

    def _check_embedding(self, body: Json, slugs: set[str]) -> None:
        if not self.embeds:
            raise RefusedError(400, "Embedding is not enabled.")
        for slug, way in (body.get("embedding_params") or {}).items():
            if slug not in slugs or way not in ("locked", "enabled", "disabled"):
                raise strict.wrong("embedding_params", f"parameter {slug!r}: {way!r}")

    def _tabs(self, dashboard: Json, body: Json) -> dict[int, int]:
        """Keep the tabs; give what dashcards may name: the numbers that were sent, and what they became."""
        known = {one["id"]: one["id"] for one in dashboard["tabs"]}
        if "tabs" not in body:
            return known
        sent = {}
        for one in body["tabs"]:
            strict.only(one, {"id", "name"})
            strict.text(one, "name")
            if one["id"] in sent:
                raise strict.wrong("tabs", "ids must be unique")
            if one["id"] >= 0 and one["id"] not in known:
                raise RefusedError(404, "Not found.")
            sent[one["id"]] = one["id"] if one["id"] >= 0 else next(self._numbers)
        dashboard["tabs"] = [
            {"id": sent[one["id"]], "name": one["name"], "dashboard_id": dashboard["id"], "position": place}
            for place, one in enumerate(body["tabs"])
        ]
        return sent

    def _placed(self, dashboard: Json, dashcards: list[Json], parameters: set[str], tabs: dict[int, int]) -> list[Json]:
        known = {one["id"]: one for one in dashboard["dashcards"]}
        ids = [one.get("id") for one in dashcards]
        if len(set(ids)) != len(ids) or None in ids:
            raise RefusedError(400, {"errors": {"dashcards": "ids must be there and unique"}})
        placed = []
        for one in dashcards:
            strict.only(one, DASHCARD)
            for series in one.get("series") or []:
                strict.only(series, {"id"})
            for name in ("row", "col", "size_x", "size_y"):
                least = 1 if name.startswith("size") else 0
                if not isinstance(one.get(name), int) or one[name] < least:
                    raise RefusedError(400, {"errors": {"dashcards": f"{name} must be an integer of {least} or more"}})
            if one["col"] + one["size_x"] > GRID:
                raise RefusedError(400, {"errors": {"dashcards": "a card leaves the grid"}})
            if one["id"] >= 0 and one["id"] not in known:
                raise RefusedError(404, "Not found.")
            tab = one.get("dashboard_tab_id")
            if (tab is None) != (not tabs) or (tab is not None and tab not in tabs):
                raise strict.wrong("dashcards", "with tabs each card is on one of them, without on none", 500)
            if one.get("card_id") is not None and self._of(self.cards, one["card_id"])["archived"] and one["id"] < 0:
                raise RefusedError(404, {"message": "The object has been archived.", "error_code": "archived"})
            for mapping in one.get("parameter_mappings") or []:
                if mapping["parameter_id"] not in parameters or not isinstance(mapping.get("target"), list):
                    raise RefusedError(400, {"errors": {"dashcards": "a mapping names an unknown parameter"}})
            placed.append({
                **copy.deepcopy(one),
                "id": one["id"] if one["id"] >= 0 else next(self._numbers),
                "dashboard_id": dashboard["id"],
                "entity_id": known.get(one["id"], {}).get("entity_id") or self._entity(),
                "series": one.get("series") or [],
                "parameter_mappings": one.get("parameter_mappings") or [],
                "inline_parameters": one.get("inline_parameters") or [],
                "dashboard_tab_id": tabs.get(tab) if tab is not None else None,
                "visualization_settings": copy.deepcopy(one.get("visualization_settings") or {}),
            })  # fmt: skip
        return placed

    def dashboard(self, number: int) -> Json:
        """Give a dashboard with its cards in it, the placed ones in no order of anybody's."""
        found = copy.deepcopy(self._of(self.dashboards, number))
        for one in found["dashcards"]:
            one["card"] = self.card(one["card_id"]) if one.get("card_id") is not None else None
            one["series"] = [self.card(series["id"]) for series in one["series"]]
        found["dashcards"].reverse()
        return dict(sorted(found.items(), reverse=True))

    def run(self, number: int, dashcard: int, card: int) -> Json:
        """Run a card with the defaults of its variables. A query that fails is an answer, too."""
        places = {one["id"]: one for one in self._of(self.dashboards, number)["dashcards"]}
        if dashcard not in places or places[dashcard]["card_id"] != card:
            raise RefusedError(404, "Not found.")
        return self.ask_card(card)

    def embedded(self, params: Mapping[str, Any], number: int, dashcard: int, card: int) -> Json:
        """Run a card with the values of a signed address, which reach it by its mappings."""
        board = self._of(self.dashboards, number)
        place = {one["id"]: one for one in board["dashcards"]}[dashcard]
        tags = self._of(self.cards, card)["dataset_query"]["native"]["template-tags"]
        given = {}
        for parameter in board["parameters"]:
            for mapping in place["parameter_mappings"]:
                if mapping["parameter_id"] == parameter["id"] and parameter["slug"] in params:
                    name = mapping["target"][1][1]
                    if tags[name]["type"] not in queries.ALLOWED[parameter["type"]]:
                        raise RefusedError(400, f"Invalid parameter type {parameter['type']} for {name}")
                    given[name] = params[parameter["slug"]]
        return self.ask_card(card, given)

    def ask_card(self, card: int, given: Mapping[str, Any] = MappingProxyType({})) -> Json:
        """Run a card by itself."""
        query = self._of(self.cards, card)["dataset_query"]
        sql = queries.with_values(query["native"], given) if "native" in query else queries.spelled(query, self.schema)
        try:
            rows = self.ask(sql)
        except Exception as error:
            return {"status": "failed", "error": str(error), "row_count": 0}
        cols = [
            {"name": name, "display_name": name.replace("_", " ").capitalize(), "base_type": base_type(kind)}
            for name, kind, *_ in self.ask(f"describe {sql}")
        ]
        data = {"rows": [[None if one is None else str(one) for one in row] for row in rows], "cols": cols}
        return {"status": "completed", "row_count": len(rows), "data": data}

    def values(self, number: int, parameter: str) -> Json:
        """Give what a filter offers: the rows of the card that its values come from."""
        found = {one["id"]: one for one in self._of(self.dashboards, number)["parameters"]}
        if parameter not in found:
            raise RefusedError(404, "Not found.")
        card = self._of(self.cards, found[parameter]["values_source_config"]["card_id"])
        rows = self.ask(card["dataset_query"]["native"]["query"])
        return {"values": [list(row) for row in rows], "has_more_values": False}

    def translate(self, body: Json) -> Json:
        """Tell the numbers of entity ids."""
        numbers = {one["entity_id"]: one["id"] for one in self.cards.values()}
        return {"entity_ids": {
            entity: {"id": numbers[entity], "type": "card", "status": "ok"}
            if entity in numbers
            else {"type": "card", "status": "not-found"}
            for entity in body["entity_ids"].get("card", [])
        }}  # fmt: skip

    # ---------- what all need

    def _of(self, store: dict[int, Json], number: object) -> Json:
        return strict.of(store, number)

    def _only(self, body: Json, known: set[str]) -> None:
        strict.only(body, known)

    def _text(self, body: Json, name: str) -> None:
        strict.text(body, name)

    def _optional(self, body: Json, name: str) -> str | None:
        return strict.optional(body, name)

    def _entity(self) -> str:
        return uuid.uuid4().hex[:21]

    def _now(self) -> str:
        return f"2026-03-11T09:30:00.{next(self._clock):06d}Z"
