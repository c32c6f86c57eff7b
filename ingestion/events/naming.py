"""Name tables and columns as Segment's warehouses do.

Source: segmentio/go-snakecase (its cases and a differential fuzz agree with the expression below) and Segment's
warehouse schema page. ASCII only: every other character is a separator. Pure. Where Segment loses a value (a reserved
name, a name without any ASCII letter or digit), the value gets a name of its own here; names that Segment merges
silently are left to the caller, who sees them as equal.
"""

import hashlib
import re
from typing import Final

MAX_NAME_BYTES: Final = 63  # Postgres' limit; the same names in every warehouse
SOURCE: Final = re.compile(r"[a-z][a-z0-9_]{0,49}")
"""What a source may be called: its name is part of a schema's."""
_WORD: Final = re.compile(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+")

# Columns that a call's own fields, the load or an engine fills. A property of that name keeps its value, under
# `_<name>`.
RESERVED_COLUMNS: Final = frozenset(
    {
        "id", "user_id", "anonymous_id", "event", "event_text",
        "received_at", "sent_at", "timestamp", "original_timestamp", "uuid_ts",
        "timestamp_corrected", "timestamp_is_ahead",
        # Postgres refuses columns with the names of its own; `rowid` is DuckDB's.
        "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "rowid",
    }
)  # fmt: skip
CONTEXT_PREFIX: Final = "context_"
EXTRA: Final = "_extra"
"""The JSON column of what has no column of its own."""

# Tables that hold calls of one type. An event of that name gets the table `_<name>`.
CALL_TABLES: Final = ("tracks", "identifies", "users", "pages", "screens", "groups", "aliases")


def snake_case(name: str) -> str:
    """Return go-snakecase's form of a name; empty when the name has no ASCII letter or digit."""
    return "_".join(_WORD.findall(name)).lower()


def identifier(name: str) -> str:
    """Return the snake case of a name, or `_` and eight hex digits of its hash where that is empty."""
    return snake_case(name) or "_" + hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=4).hexdigest()


def fitted(name: str) -> str:
    """Return the name (ASCII), or if it is too long for a warehouse its begin and eight digits of its hash."""
    if len(name) <= MAX_NAME_BYTES:
        return name
    return f"{name[: MAX_NAME_BYTES - 9]}_{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"


def event_table(event: str) -> str:
    """Name the table of a track call's event."""
    name = identifier(event)
    return fitted("_" + name if name in CALL_TABLES else name)


def event_slug(event: str) -> str:
    """Return the value of the column `event`: the name without the prefix that only a table needs."""
    return identifier(event)


def property_column(flattened: str, reserved: frozenset[str] = RESERVED_COLUMNS) -> str:
    """Name the column of a property or trait whose path was flattened already: reserved names get a `_`."""
    return fitted("_" + flattened if flattened in reserved or flattened.startswith(CONTEXT_PREFIX) else flattened)
