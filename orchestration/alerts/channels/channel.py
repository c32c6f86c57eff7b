"""What every channel can do, how it says that it could not, and the HTTP that two of them speak."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Final, Protocol

from orchestration.alerts.incidents import Message
from orchestration.errors import FluxError

SECONDS: Final = 10.0
_LATER: Final = (408, 425, 429)


class ChannelError(FluxError):
    """A channel did not take a message. Its words hold no secret. `refused`: the same message will not be taken."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Channel(Protocol):
    """A way to tell people. `name` is the one that settings and messages use."""

    @property
    def name(self) -> str:
        """Name it."""

    def send(self, message: Message) -> str:
        """Hand a message over and give the receiver's answer. Raises ChannelError, after some ten seconds at most."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook that has moved is to be set anew: urllib would turn the POST into a GET."""

    def redirect_request(self, *ignored: object) -> None:
        return None


def post(name: str, url: str, document: Mapping[str, object]) -> tuple[int, str]:
    """POST JSON; give status and words of a good answer. Raises ChannelError, with the words of a bad one."""
    request = urllib.request.Request(  # noqa: S310 - settings allow http(s) alone
        url,
        json.dumps(document).encode(),
        {"Content-Type": "application/json; charset=utf-8", "User-Agent": "flux"},
        method="POST",
    )
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return answer.status, _words(answer.read(4096))
    except urllib.error.HTTPError as error:
        refused = 300 <= error.code < 500 and error.code not in _LATER
        raise ChannelError(
            f"{name} answered {error.code}: {_words(error.read(4096))}", refused=refused
        ) from None  # its own words have the address
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ChannelError(f"{name} cannot be reached: {_cause(reason)}") from None


def _cause(reason: object) -> str:
    return (
        (getattr(reason, "strerror", None) or type(reason).__name__) if isinstance(reason, Exception) else str(reason)
    )


def _words(answer: bytes) -> str:
    return " ".join(answer.decode(errors="replace").split())[:200]
