"""Names and literals in BigQuery's SQL.

A script takes no parameters in every place that speaks BigQuery, so values of ours stand in it as literals; values of
the source never do, they come in files.
"""

import re
from datetime import UTC, date, datetime
from typing import Final

_LONGEST: Final = 290  # a column's name has 300 characters at most, a sibling's and `__2` stand behind it
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9_]")
# What no column's name may begin with, whatever the case.
_RESERVED: Final = ("_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier", "_change_")
_ESCAPED: Final = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\0": "\\000"}


def spell(name: str) -> str:
    """The name as every table and column can bear it: ASCII letters, digits and `_`, none of them reserved."""
    spelled = _FOREIGN.sub("_", name)[:_LONGEST]
    if not spelled or spelled[0].isdigit() or spelled.lower().startswith(_RESERVED):
        spelled = f"x{spelled}"
    return spelled


def quote(name: str) -> str:
    """Quote an identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(value: object) -> str:
    """SQL for a value that Flux itself made."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return f"cast('{value!r}' as float64)"
        case bytes():
            return f"from_hex('{value.hex()}')"
        case datetime():
            moment = value.astimezone(UTC) if value.tzinfo else value
            return f"timestamp '{moment:%Y-%m-%d %H:%M:%S.%f}+00:00'"
        case date():
            return f"date '{value.isoformat()}'"
        case str():
            return "'" + "".join(_ESCAPED.get(letter, letter) for letter in value) + "'"
    raise TypeError(f"no literal for a {type(value).__name__}")
