"""The words of a message, the same for every channel: subject line, sentences, the link into the runbook."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from orchestration.alerts.incidents import Message
from orchestration.alerts.rules import RULES

_MOST: Final = 1500  # of one line: a list of a thousand names helps nobody
_LEAD: Final = {"opened": "", "worse": "worse: ", "closed": "well again: ", "test": "test: "}


@dataclass(frozen=True, slots=True)
class Wording:
    """Which Flux speaks, and where its runbook can be read."""

    instance: str
    runbook: str

    @classmethod
    def of(cls, home: Path, runbook: str) -> Wording:
        """Speak for the Flux of a home on this machine."""
        return cls(f"{socket.gethostname()}:{home}", runbook)

    def title(self, message: Message) -> str:
        """Say in a line what it is about: `Flux: problem: Slot lost (flux)`."""
        finding = message.finding
        subject = f" ({finding.subject})" if finding.subject else ""
        level = f"{finding.severity}: " if message.kind in ("opened", "worse") else ""
        return _short(f"Flux: {_LEAD[message.kind]}{level}{RULES[finding.rule].title}{subject}", 200)

    def lines(self, message: Message) -> list[tuple[str, str]]:
        """Give the sentences, each with its heading."""
        finding = message.finding
        said = [("What", finding.what)]
        if message.kind == "closed":
            said.append(("Lasted", f"{moment(message.first_seen)} to {moment(message.at)}"))
        else:
            said += [("Do", finding.mend), ("Impact", finding.impact), ("Since", moment(message.first_seen))]
        said += [("Owner", finding.owner), ("Where", self.instance)]
        return [(heading, _short(text, _MOST)) for heading, text in said if text]

    def link(self, message: Message) -> str:
        """Give the entry of the runbook."""
        return f"{self.runbook}#{RULES[message.finding.rule].anchor}"

    def text(self, message: Message) -> str:
        """Write it as plain text."""
        lines = [f"{heading}: {text}" for heading, text in self.lines(message)]
        return "\n".join([*lines, f"Runbook: {self.link(message)}"])


def moment(at: datetime) -> str:
    """Write a time as people read it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."
