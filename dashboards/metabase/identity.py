"""Who is who on both sides. No file of state: any machine can plan.

The server numbers everything itself: its API names an `entity_id` of new cards, and makes another. So collections and
dashboards carry a marker, the last line of a text that people seldom read (a description, a dashboard's caveats):

    managed-by: flux collection=leadership
    managed-by: flux dashboard=overview applied={"card:applications":{"id":"17","name":"1f0c…",…},…}

`applied` has a fingerprint of each field as it was last applied. With it a difference is three-way: whether the
definition changed, somebody edited in Metabase, or both. A dashboard's marker tells of its cards, that of the root
collection of what has neither text nor dashboard (groups, metrics, models, subscriptions, alerts); `id` is the server's
number of it. A card also has its key in its settings: one that was made and never noted is found by it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Fingerprints = Mapping[str, Mapping[str, str]]  # item -> field -> fingerprint

_MARKER: Final = re.compile(r"managed-by: flux (collection|dashboard|table)=([a-z0-9_]+)(?: applied=(\{.*\}))?\s*\Z")
_ENTITY_LENGTH: Final = 21
NUMBER: Final = "id"  # in what a marker notes of an item: no fingerprint, but its number on the server


@dataclass(frozen=True, slots=True)
class Marker:
    """What a marker says."""

    kind: str
    key: str
    applied: Fingerprints = field(default_factory=dict)

    def text(self) -> str:
        """Write the marker's line."""
        applied = f" applied={_canonical(self.applied)}" if self.applied else ""
        return f"managed-by: flux {self.kind}={self.key}{applied}"


def marker_of(text: str | None) -> Marker | None:
    """Read the marker at the end of a text, if there is one. One that cannot be read is none."""
    match = _MARKER.search(text or "")
    if match is None:
        return None
    try:
        applied = json.loads(match.group(3) or "{}")
    except ValueError:
        return None
    return Marker(match.group(1), match.group(2), applied)


def without_marker(text: str | None) -> str:
    """Give what people wrote before the marker."""
    return _MARKER.sub("", text or "").rstrip()


def with_marker(text: str, marker: Marker) -> str:
    """Put the marker behind a text."""
    return f"{text}\n\n{marker.text()}" if text else marker.text()


def entity_id(key: str) -> str:
    """Give the entity id of an export's object: 21 characters of a NanoID's alphabet, the same on every machine."""
    digest = hashlib.sha256(f"flux:card:{key}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii")[:_ENTITY_LENGTH]


def short_id(*parts: str) -> str:
    """Give 8 hex digits for a parameter's id, which Metabase lets its caller choose."""
    return hashlib.sha256(":".join(parts).encode()).hexdigest()[:8]


def fingerprint(value: Any) -> str:  # Any: JSON
    """Give 10 hex digits that change with the value."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()[:10]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
