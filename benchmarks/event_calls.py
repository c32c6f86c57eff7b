"""Calls as a browser's SDK sends them, about 1 KB each, every one of them distinct; the same seed gives the same ones.

Sessions of some hundred people go on beside each other: a person keeps a browser and a language, looks at a page, does
one to four things there and goes on. So a context repeats as it does in life, a few times, and not with each event.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Call = dict[str, Any]  # Any: a JSON document

_OPEN_SESSIONS: Final = 200
_PAGES: Final = ("opportunities", "profile", "search", "messages", "skills", "mentors", "projects", "saved")
_KINDS: Final = (
    "Opportunity Viewed", "Opportunity Saved", "Application Started", "Application Submitted", "Search Performed",
    "Filter Applied", "Profile Updated", "Skill Added", "Recommendation Clicked", "Message Sent", "Mentor Contacted",
    "Share Link Copied",
)  # fmt: skip
_CHROME: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0"
_BROWSERS: Final = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_CHROME} Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_CHROME} Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
)
_LOCALES: Final = (("de-CH", "Europe/Zurich"), ("en-GB", "Europe/London"), ("en-US", "America/New_York"))
_BEGIN: Final = datetime(2026, 11, 2, 8, tzinfo=UTC)


@dataclass(slots=True)
class _Session:
    user_id: str
    anonymous_id: str
    browser: str
    locale: tuple[str, str]
    campaign: str
    page: Call
    left: int = 0
    """How many things are still done on this page."""


def calls(count: int, seed: int, kinds: int = len(_KINDS)) -> Iterator[bytes]:
    """Give calls as JSON: of twenty, seventeen of type track, two pages, one identify.

    With more kinds of events than the product has, the others get names and properties of their own.
    """
    chance = random.Random(seed)
    sessions = [_session(chance) for _ in range(_OPEN_SESSIONS)]
    for number in range(count):
        place = chance.randrange(_OPEN_SESSIONS)
        if sessions[place].left == 0:
            if chance.random() < 0.1:
                sessions[place] = _session(chance)
            sessions[place].page, sessions[place].left = _page(chance), chance.randint(1, 4)
        sessions[place].left -= 1
        yield json.dumps(_call(chance, sessions[place], number, kinds), separators=(",", ":")).encode()


def _call(chance: random.Random, session: _Session, number: int, kinds: int) -> Call:
    at = (_BEGIN + timedelta(milliseconds=7 * number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    locale, zone = session.locale
    call: Call = {
        "timestamp": at,
        "integrations": {},
        "userId": session.user_id,
        "anonymousId": session.anonymous_id,
        "messageId": f"ajs-next-{int(_BEGIN.timestamp()) * 1000 + 7 * number}-{_uuid(chance)}",
        "context": {
            "page": session.page,
            "userAgent": session.browser,
            "locale": locale,
            "timezone": zone,
            "library": {"name": "analytics.js", "version": "npm:next-1.84.3"},
            "campaign": {"source": "newsletter", "medium": "email", "name": session.campaign},
        },
    }
    which = chance.randrange(20)
    if which < 17:
        kind = chance.randrange(kinds)
        call |= {"type": "track", "event": _name(kind), "properties": _properties(chance, kind)}
    elif which < 19:
        call |= {"type": "page", "name": session.page["title"], "properties": session.page}
    else:
        traits = {"seniority": chance.randrange(1, 8), "office": f"office {chance.randrange(60)}", "open_to_move": True}
        call |= {"type": "identify", "traits": traits}
    return call


def _name(kind: int) -> str:
    return _KINDS[kind] if kind < len(_KINDS) else f"Special Thing {kind} Happened"


def _properties(chance: random.Random, kind: int) -> Call:
    """Ten properties of the four types; four of them are the kind's own."""
    return {
        "opportunity_id": chance.randrange(10**9),
        "position": chance.randrange(50),
        "score": round(chance.random(), 6),
        "is_recommended": chance.random() < 0.5,
        "list": f"list {chance.randrange(100)}",
        "request_id": _uuid(chance),
        f"choice_{kind}": f"choice {chance.randrange(1000)}",
        f"seconds_{kind}": round(chance.random() * 100, 3),
        f"count_{kind}": chance.randrange(1000),
        f"at_{kind}": (_BEGIN + timedelta(seconds=chance.randrange(10**6))).isoformat().replace("+00:00", "Z"),
    }


def _session(chance: random.Random) -> _Session:
    return _Session(
        user_id=f"user-{chance.randrange(50_000)}",
        anonymous_id=_uuid(chance),
        browser=chance.choice(_BROWSERS).format(chance.randrange(120, 140)),
        locale=chance.choice(_LOCALES),
        campaign=f"week {chance.randrange(40)}",
        page=_page(chance),
    )


def _page(chance: random.Random) -> Call:
    section, number = chance.choice(_PAGES), chance.randrange(2_000)
    path = f"/{section}/{number}"
    return {
        "path": path,
        "referrer": f"https://talent.example.com/{chance.choice(_PAGES)}/{chance.randrange(2_000)}",
        "search": f"?tab={chance.randrange(5)}",
        "title": f"{section.title()} {number}",
        "url": f"https://talent.example.com{path}",
    }


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
