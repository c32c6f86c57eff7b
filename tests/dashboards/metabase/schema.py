"""Tables and fields of the stand-in's database, as a sync of Metabase's reads them: with guesses of its own."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from typing import Any

from tests.dashboards.metabase.strict import Json, RefusedError, of, only, wrong

VISIBLE = ("normal", "details-only", "sensitive", "hidden", "retired")
HIDDEN = (None, "hidden", "technical", "cruft")
SEMANTIC = frozenset(
    f"type/{one}" for one in ("PK", "FK", "Category", "Percentage", "Share", "Name", "Score", "Quantity", "Title")
)
BASE = {
    "varchar": "type/Text",
    "text": "type/Text",
    "bigint": "type/BigInteger",
    "integer": "type/Integer",
    "double": "type/Float",
    "boolean": "type/Boolean",
    "date": "type/Date",
}


def base_type(kind: str) -> str:
    kind = kind.lower()
    if kind.endswith("[]"):
        return "type/Array"
    if kind.startswith("timestamp"):
        return "type/DateTimeWithLocalTZ"
    if kind.startswith("decimal") or kind == "hugeint":
        return "type/Decimal"
    return BASE.get(kind, "type/*")


class Schema:
    """The tables; empty until somebody lets it read them."""

    def __init__(self, database: int, there: Mapping[tuple[str, str], Mapping[str, str]]) -> None:
        self.database, self._there = database, there
        self._numbers = itertools.count(1)
        self.tables: dict[int, Json] = {}
        self.fields: dict[int, Json] = {}

    def read(self) -> None:
        """Add what is there and not known yet, as a sync does."""
        known = {(one["schema"], one["name"]) for one in self.tables.values()}
        for (schema, name), columns in self._there.items():
            if (schema, name) in known:
                continue
            number = next(self._numbers)
            self.tables[number] = {
                "id": number, "db_id": self.database, "schema": schema, "name": name, "active": True,
                "display_name": name.replace("_", " ").title(), "description": None, "visibility_type": None,
                "entity_type": "entity/GenericTable", "caveats": None, "points_of_interest": None,
                "field_order": "database", "is_published": False,
            }  # fmt: skip
            for position, (column, kind) in enumerate(columns.items()):
                field = next(self._numbers)
                base = base_type(kind)
                self.fields[field] = {
                    "id": field, "table_id": number, "name": column, "display_name": column.title(),
                    "description": None, "base_type": base, "effective_type": base, "database_type": kind,
                    "semantic_type": "type/Name" if column.endswith("_name") else None, "fk_target_field_id": None,
                    "visibility_type": "normal", "has_field_values": None, "active": True, "position": position,
                    "caveats": None, "points_of_interest": None, "coercion_strategy": None, "settings": None,
                }  # fmt: skip

    def table(self, number: int, fields: bool = True) -> Json:
        one = copy.deepcopy(of(self.tables, number))
        if fields:
            one["fields"] = [copy.deepcopy(field) for field in self.fields.values() if field["table_id"] == number]
        return one

    def change_table(self, number: int, body: Json) -> Json:
        only(body, {
            "display_name", "entity_type", "visibility_type", "description", "caveats", "points_of_interest",
            "show_in_getting_started", "field_order", "data_authority", "data_source", "data_layer", "owner_email",
            "owner_user_id",
        })  # fmt: skip
        if body.get("visibility_type") not in HIDDEN:
            raise wrong("visibility_type", "nullable enum of technical, hidden, cruft")
        of(self.tables, number).update(body)
        return self.table(number, fields=False)

    def field(self, number: int) -> Json:
        return copy.deepcopy(of(self.fields, number))

    def change_field(self, number: int, body: Json) -> Json:
        only(body, {
            "caveats", "description", "display_name", "fk_target_field_id", "points_of_interest", "semantic_type",
            "coercion_strategy", "visibility_type", "has_field_values", "settings", "nfc_path", "json_unfolding",
        })  # fmt: skip
        field = of(self.fields, number)
        for name in ("description", "display_name", "caveats", "points_of_interest"):
            if body.get(name) is not None and not str(body[name]).strip():
                raise wrong(name, "value must be a non-blank string, or null.")
        if body.get("visibility_type", "normal") not in VISIBLE:
            raise wrong("visibility_type", f"enum of {', '.join(VISIBLE)}")
        semantic = body.get("semantic_type", field["semantic_type"])
        if semantic is not None and semantic not in SEMANTIC:
            raise wrong("semantic_type", "value must be a valid field semantic or relation type.")
        target = body.get("fk_target_field_id", field["fk_target_field_id"])
        if target is not None and target not in self.fields:
            raise RefusedError(400, {"errors": {"fk_target_field_id": "Invalid target field"}})
        field.update(body)
        if semantic != "type/FK":  # the server forgets the target of what is no foreign key any more
            field["fk_target_field_id"] = None
        return self.field(number)

    def metadata(self, database: Json) -> Json:
        return database | {"tables": [self.table(number) for number in self.tables]}

    def number_of(self, table: str, column: str) -> int:
        """Where a test wants a field."""
        return next(
            number
            for number, field in self.fields.items()
            if field["name"] == column and self.tables[field["table_id"]]["name"] == table
        )

    def of_name(self, table: str) -> dict[str, Any]:
        return next(one for one in self.tables.values() if one["name"] == table)
