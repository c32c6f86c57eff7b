"""A verdict: what must hold, whether it did, what was found."""

from __future__ import annotations

import msgspec


class Verdict(msgspec.Struct, frozen=True):
    """One rule, and what came of it."""

    name: str
    passed: bool
    rule: str
    found: str


def megabytes(size: float) -> str:
    """Write a size for people."""
    return f"{size / 1e6:,.0f} MB"
