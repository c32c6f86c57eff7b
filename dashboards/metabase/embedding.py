"""Addresses of dashboards for one client's own people: signed, for a while, and for nothing but its rows.

Metabase shows what the signed token names. The client's number is in it as a locked parameter, which nobody who has the
address can change; every card of an embedded dashboard obeys it (`surroundings` checks), and an unknown number shows
nothing. Whoever has the address sees what it shows until it expires: hand it to the page, not to a log.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import jwt

from dashboards.metabase.errors import EmbedError

LEAST_SECRET: Final = 32  # bytes; HS256 is as strong as its key
LONGEST: Final = timedelta(days=1)


def embed_url(
    url: str, secret: str, *, dashboard: int, parameter: str, value: int, now: datetime, valid_for: timedelta
) -> str:
    """Sign an address of the dashboard for one value of a locked parameter. Raises EmbedError."""
    if len(secret.encode()) < LEAST_SECRET:
        raise EmbedError(f"the embedding secret is shorter than {LEAST_SECRET} bytes; make one: openssl rand -hex 32")
    if not timedelta(0) < valid_for <= LONGEST:
        raise EmbedError(f"an address may be valid for up to {LONGEST.total_seconds() / 3600:.0f} hours, and over 0")
    claims = {
        "resource": {"dashboard": dashboard},
        "params": {parameter: value},
        "iat": int(now.timestamp()),
        "exp": int((now + valid_for).timestamp()),
    }
    return f"{url}/embed/dashboard/{jwt.encode(claims, secret, algorithm='HS256')}#bordered=false&titled=true"
