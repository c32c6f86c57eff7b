"""A Slack-compatible incoming webhook: Slack, Mattermost, Rocket.Chat and others take `text`.

Slack's markup: `&`, `<` and `>` are written as entities, a link is `<url|words>`, bold is `*so*`. Slack cuts a text at
40,000 characters and splits it above 4,000. Source: Slack's pages on incoming webhooks and on formatting text.
"""

from __future__ import annotations

import re
from typing import Final

from orchestration.alerts.channels.channel import post
from orchestration.alerts.incidents import Message
from orchestration.alerts.wording import Wording

MOST: Final = 3800
_SIGNS: Final = {
    "opened": ":rotating_light:",
    "worse": ":rotating_light:",
    "closed": ":white_check_mark:",
    "test": ":bell:",
}


class Webhook:
    """One webhook, which stands for one place where people read."""

    name = "webhook"

    def __init__(self, url: str, wording: Wording) -> None:
        self._url, self._wording = url, wording

    def send(self, message: Message) -> str:
        """Hand a message over."""
        return post("the webhook", self._url, {"text": self._text(message)})[1]

    def _text(self, message: Message) -> str:
        lines = [f"*{heading}:* {_escaped(text)}" for heading, text in self._wording.lines(message)]
        link = self._wording.link(message)
        runbook = f"<{_escaped(link)}|Runbook>" if link.startswith("http") else f"Runbook: {_escaped(link)}"
        head = f"{_SIGNS[message.kind]} *{_escaped(self._wording.title(message))}*"
        body = "\n".join(lines)[: MOST - len(head) - len(runbook)]
        return "\n".join([head, re.sub(r"&[a-z]{0,3}$", "", body), runbook])  # no half of an entity at the cut


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
