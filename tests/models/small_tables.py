"""The tables of the small warehouse with their types: those of demo/schema.sql and of demo/tracking_plan.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from ingestion.events.schema import DOCUMENTED_COLUMNS

ROOT = Path(__file__).parents[2]
# Types that DuckDB knows by the same name; all others but these two arrive as text.
SAME = ("smallint", "integer", "bigint", "real", "double precision", "boolean", "date", "timestamptz", "uuid")
OTHER = {"jsonb": "json", "bytea": "blob"}
EVENT_TYPES = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}


def app_tables() -> dict[str, dict[str, str]]:
    """Return the product's tables with their columns and DuckDB types, read from the schema's text."""
    found: dict[str, dict[str, str]] = {}
    schema = (ROOT / "demo" / "schema.sql").read_text(encoding="utf-8")
    for name, body in re.findall(r"create table ([\w.]+) \([^\n]*\n(.*?)\n\)", schema, re.DOTALL):
        columns = {}
        for line in body.splitlines():
            match = re.match(r"\s+(\w+)\s+(double precision|numeric\(\d+,\d+\)|\w+)(\[\])?", line)
            if match and match[1] not in ("unique", "primary", "check", "foreign"):
                kind = match[2] if match[2] in SAME or "numeric" in match[2] else OTHER.get(match[2], "varchar")
                columns[match[1]] = "varchar" if match[3] else kind
        found[name.split(".")[-1]] = columns
    return found


def event_tables() -> dict[str, dict[str, str]]:
    """Return the event tables with their columns and DuckDB types, read from the tracking plan."""
    plan = yaml.safe_load((ROOT / "demo" / "tracking_plan.yaml").read_text(encoding="utf-8"))
    ids = {"id": "VARCHAR", "anonymous_id": "VARCHAR", "user_id": "VARCHAR"}
    times = dict.fromkeys(("original_timestamp", "sent_at", "received_at", "timestamp", "uuid_ts"), "TIMESTAMPTZ")

    def typed(properties: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        return {name: EVENT_TYPES.get(rule["type"], "VARCHAR") for name, rule in properties.items()}

    event = {"event": "VARCHAR", "event_text": "VARCHAR"}
    named = {"name": "VARCHAR", "category": "VARCHAR"}
    documented = dict.fromkeys(DOCUMENTED_COLUMNS["pages"], "VARCHAR")
    tables = {
        "tracks": ids | event | times,
        "pages": ids | named | times | documented | typed(plan["pages"]["properties"]),
        "screens": ids | named | times,
        "aliases": ids | {"previous_id": "VARCHAR"} | times,
        "identifies": ids | times | typed(plan["identify"]["traits"]),
        "groups": ids | {"group_id": "VARCHAR"} | times | typed(plan["group"]["traits"]),
        "users": {"id": "VARCHAR", "received_at": "TIMESTAMPTZ", "uuid_ts": "TIMESTAMPTZ"}
        | typed(plan["identify"]["traits"]),
    }
    for name, rule in plan["events"].items():
        tables[snake(name)] = ids | event | times | typed(rule["properties"])
    return tables


def snake(name: str) -> str:
    """Return an event's name as its table's."""
    return "_".join(re.findall(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+", name)).lower()
