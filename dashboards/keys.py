"""Keys become file names, anchors of pages and identities in a Metabase: one form for all."""

from __future__ import annotations

import re

_KEY = re.compile(r"[a-z][a-z0-9_]*")


def check_key(key: str, what: str) -> None:
    """Raise ValueError unless the key is lower snake case."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{what} key {key!r} must be lower snake case")
