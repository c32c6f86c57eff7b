"""PagerDuty's Events API v2, or one like it: an incident is triggered and resolved by its `dedup_key`.

Severities are PagerDuty's `critical` and `warning`; with dynamic urgency there a warning wakes nobody. Source:
PagerDuty's Events API v2: 202 is taken, 400 is a wrong event, 429 too many; summary up to 1,024 characters.
"""

from __future__ import annotations

import hashlib
from typing import Final

from orchestration.alerts.channels.channel import ChannelError, post
from orchestration.alerts.incidents import Message
from orchestration.alerts.rules import RULES
from orchestration.alerts.wording import Wording

_MOST: Final = 1024
_TAKEN: Final = 202
_SEVERITY: Final = {"problem": "critical", "warning": "warning"}


class PagerDuty:
    """One integration of a service."""

    name = "pagerduty"

    def __init__(self, url: str, key: str, wording: Wording) -> None:
        self._url, self._key, self._wording = url, key, wording

    def send(self, message: Message) -> str:
        """Hand a message over. A test is triggered as `info`, and resolved at once, so that nobody is called."""
        if message.kind == "test":
            self._enqueue({**self._event(message, "trigger"), **self._payload(message, "info")})
            return self._enqueue(self._event(message, "resolve"))
        if message.kind == "closed":
            return self._enqueue(self._event(message, "resolve"))
        payload = self._payload(message, _SEVERITY[message.finding.severity])
        return self._enqueue({**self._event(message, "trigger"), **payload})

    def _event(self, message: Message, action: str) -> dict[str, object]:
        # One incident an instance: two Fluxes with one key are told apart. At most 255 characters.
        key = hashlib.sha256(f"{self._wording.instance} {message.finding.key}".encode()).hexdigest()
        return {"routing_key": self._key, "event_action": action, "dedup_key": f"flux-{key}"}

    def _payload(self, message: Message, severity: str) -> dict[str, object]:
        rule, link = RULES[message.finding.rule], self._wording.link(message)
        said = {heading.lower(): text for heading, text in self._wording.lines(message)}
        payload = {
            "summary": f"{self._wording.title(message)}: {message.finding.what}"[:_MOST],
            "source": self._wording.instance,
            "severity": severity,
            "timestamp": message.first_seen.isoformat(),
            "component": rule.part,
            "group": message.finding.owner,
            "class": rule.name,
            "custom_details": said | {"runbook": link},
        }
        links = [{"href": link, "text": "Runbook"}] if link.startswith("http") else []
        return {"payload": payload, "client": "Flux", **({"links": links} if links else {})}

    def _enqueue(self, event: dict[str, object]) -> str:
        status, words = post("PagerDuty", self._url, event)
        if status != _TAKEN:
            raise ChannelError(f"PagerDuty answered {status} and not {_TAKEN}: {words}")
        return words
