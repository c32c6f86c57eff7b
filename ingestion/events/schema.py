"""The tables that a source's calls land in: their fixed columns, and what the tracking plan adds beforehand.

Source: Segment's warehouse schema page. `tracks` has no properties; `users` has no anonymous_id and is derived from
`identifies` at load. Pure.
"""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from ingestion.events.columns import BOOL, FLOAT, INT, TEXT, TIME
from ingestion.events.naming import CONTEXT_PREFIX, EXTRA, RESERVED_COLUMNS, event_table, identifier, property_column
from ingestion.events.tracking_plan import Property, TrackingPlan

Columns = Mapping[str, pa.DataType]
Registry = Mapping[str, Mapping[str, Columns]]
"""Per source, per table: the columns that the warehouse has, with their types."""

# A table wider than this takes no new columns; their values go to `_extra`. A row of Postgres has 8,160 bytes, and of
# each column up to 24 stay in it, however long the text: 300 fit whatever they hold.
MAX_COLUMNS: Final = 300
# A source with more tables gets no new ones; properties of further events go to `_extra` of `tracks`. A write key is
# public, and whoever has it could make tables without end.
MAX_TABLES: Final = 1_000

TABLES: Final[Mapping[str, str]] = {
    "track": "tracks",
    "identify": "identifies",
    "page": "pages",
    "screen": "screens",
    "group": "groups",
    "alias": "aliases",
}

_IDS: Final = {"id": TEXT, "anonymous_id": TEXT, "user_id": TEXT}
_TIMES: Final = {"original_timestamp": TIME, "sent_at": TIME, "received_at": TIME, "timestamp": TIME}
_CLOCK: Final = {"timestamp_corrected": TIME, "timestamp_is_ahead": BOOL}
LOADED_AT: Final = "uuid_ts"

OWN_COLUMNS: Final[Mapping[str, Columns]] = {
    "track": {"event": TEXT, "event_text": TEXT},
    "identify": {},
    "page": {"name": TEXT, "category": TEXT},
    "screen": {"name": TEXT, "category": TEXT},
    "group": {"group_id": TEXT},
    "alias": {"previous_id": TEXT},
}


# Columns of Segment's `pages` beside the fixed ones: what its browser library sends with every page, and the campaign
# that its documents promise. They are there before the first value, so that a model which reads them builds; Segment
# makes each at its first value. Sources: its page spec, and the common fields of `context`.
DOCUMENTED_COLUMNS: Final[Mapping[str, Columns]] = {
    "pages": dict.fromkeys(
        (
            "url", "path", "search", "title", "referrer",
            "context_campaign_source", "context_campaign_medium", "context_campaign_name", "context_campaign_term",
            "context_campaign_content", "context_ip", "context_locale", "context_user_agent", "context_library_name",
            "context_library_version", "context_page_url", "context_page_path", "context_page_search",
            "context_page_title", "context_page_referrer",
        ),
        TEXT,
    )
}  # fmt: skip


def fixed_columns(kind: str) -> dict[str, pa.DataType]:
    """Return the columns that every table of a call type has, in their order, without the load's `uuid_ts`."""
    return {**_IDS, **OWN_COLUMNS[kind], **_TIMES, **_CLOCK}


USERS: Final[Columns] = {"id": TEXT, "received_at": TIME}


def trait_columns(columns: Columns) -> dict[str, pa.DataType]:
    """Return those columns of `identifies` that hold traits: what `users` has for each person."""
    fixed = {*fixed_columns("identify"), EXTRA, LOADED_AT}
    return {name: kind for name, kind in columns.items() if name not in fixed and not name.startswith(CONTEXT_PREFIX)}


def missing_columns(table: str, columns: Columns) -> Columns:
    """Return the documented columns that a table lacks."""
    documented = DOCUMENTED_COLUMNS.get(table, {})
    return {name: kind for name, kind in documented.items() if name not in columns}


def reserved_columns(kind: str) -> frozenset[str]:
    """Return the names that properties or traits of a call type may not take."""
    return RESERVED_COLUMNS | OWN_COLUMNS[kind].keys()


def planned_tables(plan: TrackingPlan) -> dict[str, dict[str, pa.DataType]]:
    """Return the tables of the source that the plan knows beforehand: the fixed ones and one for each event."""
    tables = {table: fixed_columns(kind) for kind, table in TABLES.items()}
    tables["users"] = dict(USERS)
    for table, columns in DOCUMENTED_COLUMNS.items():
        tables[table] |= columns
    for kind, call in plan.calls.items():
        _add(tables[TABLES[kind]], call.properties, kind)
        if kind == "identify":
            _add(tables["users"], call.properties, kind)
    for name, call in plan.events.items():
        columns = tables[event_table(name)] = fixed_columns("track")
        _add(columns, call.properties, "track")
    return tables


def _add(columns: dict[str, pa.DataType], properties: tuple[Property, ...], kind: str, prefix: str = "") -> None:
    for item in properties:
        path = f"{prefix}_{identifier(item.name)}" if prefix else identifier(item.name)
        if item.type == "object":
            _add(columns, item.properties, kind, path)
        elif not (kind in ("page", "screen") and path in OWN_COLUMNS[kind]):
            columns[property_column(path, reserved_columns(kind))] = _column_type(item)


def _column_type(item: Property) -> pa.DataType:
    if item.type == "string":
        return TIME if item.format == "date-time" else TEXT
    return {"integer": INT, "number": FLOAT, "boolean": BOOL}.get(item.type, TEXT)
