"""JSON Schema of the definition language, made from the dataclasses that read it: for completion in editors.

    python -m dashboards.schema > dashboards/definitions/schema.json
    python -m dashboards.schema --audiences > dashboards/definitions/audiences.schema.json

A test compares both files with what this prints. Words come from the docstrings beside the fields.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import sys
import textwrap
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from dashboards.audience import Audience
from dashboards.model import GRID_COLUMNS, Card, Dashboard, Filter

Schema = dict[str, Any]  # Any: JSON
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAMES = {"pattern": "^[a-z][a-z0-9_]*$"}
_SCALARS: Mapping[object, Schema] = {
    str: {"type": "string", "minLength": 1},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
}


def dashboard_schema() -> Schema:
    """Describe a dashboard's file: the fields of `Dashboard`, with rows as the file writes them."""
    schema = _object(Dashboard, left_out={"key", "path", "rows", "cards", "filters"})
    width = {"type": "integer", "minimum": 1, "maximum": GRID_COLUMNS}
    row = {"type": "object", "additionalProperties": width, "propertyNames": _NAMES, "minProperties": 1}
    schema["properties"] |= {
        "filters": _named(_object(Filter, left_out={"key"}), "Choices at the head of the page."),
        "rows": {
            "type": "array",
            "items": row,
            "description": f"Rows of cards with their widths, which sum to {GRID_COLUMNS}.",
        },
        "cards": _named(_object(Card, left_out={"key"}), "The cards; each stands in one row."),
    }
    schema["required"] += ["rows", "cards"]
    return {"$schema": _DIALECT, "title": "A dashboard of Flux", **schema}


def audiences_schema() -> Schema:
    """Describe the file of audiences."""
    return {
        "$schema": _DIALECT,
        "title": "Audiences of Flux's dashboards",
        **_named(_object(Audience, left_out={"key"}), "Who reads what, by key."),
    }


def _named(value: Schema, words: str) -> Schema:
    return {"type": "object", "description": words, "propertyNames": _NAMES, "additionalProperties": value}


def _object(kind: type, left_out: Collection[str] = ()) -> Schema:
    hints, words = typing.get_type_hints(kind), _words(kind)
    fields = [field for field in dataclasses.fields(kind) if field.name not in left_out]
    properties = {}
    for field in fields:
        properties[field.name] = _value(hints[field.name])
        if field.name in words:
            properties[field.name]["description"] = words[field.name]
        if isinstance(field.default, str | int | float) and field.default != "":
            properties[field.name]["default"] = field.default
    needed = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    return {
        "type": "object",
        "description": (inspect.getdoc(kind) or "").split("\n", 1)[0],
        "additionalProperties": False,
        "properties": properties,
        "required": needed,
    }


def _value(hint: object) -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _value(next(one for one in arguments if one is not types.NoneType))
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _value(arguments[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _value(arguments[1])}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _object(hint)
    return dict(_SCALARS[hint])


def _words(kind: type) -> dict[str, str]:
    """Read the docstrings that stand below the fields; Python itself forgets them."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        match (field, after):
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                found[name] = " ".join(words.split())
    return found


if __name__ == "__main__":
    made = audiences_schema() if sys.argv[1:] == ["--audiences"] else dashboard_schema()
    sys.stdout.write(json.dumps(made, indent=2) + "\n")
