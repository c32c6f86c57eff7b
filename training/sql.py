"""SQL's words, in the form that every engine reads: names, text, times."""

from datetime import UTC, datetime


def quoted(name: str) -> str:
    """Quote an identifier; specifications hold lower snake case only."""
    return f'"{name}"'


def text(value: str) -> str:
    """Write a text literal."""
    return "'" + value.replace("'", "''") + "'"


def literal(moment: datetime) -> str:
    """Write a time, in UTC."""
    return f"cast('{moment.astimezone(UTC).isoformat(sep=' ')}' as timestamp with time zone)"
