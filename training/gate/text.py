"""Lists for the gate's SQL; keys as literals, since not every connection can bind them."""

import uuid
from collections.abc import Iterable

from training.sql import quoted, text


def listed(*names: str) -> str:
    """Return identifiers for a list of columns."""
    return ", ".join(map(quoted, names))


def literals(values: Iterable[object]) -> str:
    """Return values for `in (...)`, each once and in order; `null` when there is none, which nothing equals."""
    return ", ".join(sorted({_literal(value) for value in values if value is not None})) or "null"


def _literal(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str | uuid.UUID):
        raise TypeError(f"a key is a whole number or text, not {type(value).__name__}")
    return str(value) if isinstance(value, int) else text(str(value))
