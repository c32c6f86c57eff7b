"""One look of the doctor, and how it says that a look could not be made."""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.alerts.rules import RULES, Rule

OK, HINT, WARNING, PROBLEM = "ok", "hint", "warning", "problem"
LEVELS = (OK, HINT, WARNING, PROBLEM)


@dataclass(frozen=True, slots=True)
class Check:
    """One look: which rule, at which `subject`, how that is, what was seen, and what to do where it is not well.

    A hint is for who asks; a warning wants a hand soon, a problem now. No value of a row is in it, and no secret.
    """

    name: str
    level: str
    what: str
    mend: str = ""
    subject: str = ""

    @property
    def rule(self) -> Rule:
        """Give its rule."""
        return RULES[self.name]

    @property
    def part(self) -> str:
        """Name the part that was looked at."""
        return self.rule.part

    @property
    def text(self) -> str:
        """Say what was seen, and what to do."""
        return f"{self.what}; {self.mend}" if self.mend else self.what


def well(name: str, what: str, subject: str = "") -> Check:
    """Say that something is as it should be."""
    return Check(name, OK, what, subject=subject)


def few(checks: list[Check], what: str, most: int = 5) -> list[Check]:
    """Make one of many of one rule: nobody reads fifty messages with one cause."""
    if len(checks) <= most:
        return checks
    names = ", ".join(check.subject for check in checks[:most])
    worst = max((check.level for check in checks), key=LEVELS.index)
    return [Check(checks[0].name, worst, f"{len(checks)} {what}: {names}, ...", checks[0].mend, subject="many")]


def one_line(error: BaseException) -> str:
    """Write an error of ours, or of a driver, in one line."""
    return " ".join(str(error).split())
