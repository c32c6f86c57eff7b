"""What the checks at the borders found: counts and keys, never another value."""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.checks.contract import Severity


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rule's outcome. `name` is unique in its relation and the same in every run."""

    name: str
    text: str  # the promise in words: "one of active, hired, rejected, withdrawn"
    column: str | None
    severity: Severity
    success: bool
    rows: int | None  # rows looked at; None where the rule is about the table
    unexpected: int | None  # rows that break the promise
    observed: str | None  # about the table: what was found
    keys: tuple[str, ...] = ()  # some of the rows that break it, by the contract's key


@dataclass(frozen=True, slots=True)
class LandingResult:
    """One relation's outcomes."""

    relation: str
    rows: int | None  # None when the relation does not exist
    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def page(self) -> str:
        """File of its page in the Data Docs."""
        return f"{self.relation}.html"

    @property
    def success(self) -> bool:
        """Whether every promise was kept, warnings included."""
        return all(outcome.success for outcome in self.outcomes)

    @property
    def blocking(self) -> bool:
        """Whether a broken promise is one that models rely on."""
        return any(outcome.severity == "critical" for outcome in self.failures)

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The broken promises, those that block first."""
        broken = (outcome for outcome in self.outcomes if not outcome.success)
        return tuple(sorted(broken, key=lambda outcome: outcome.severity != "critical"))

    def summary(self) -> str:
        """Say in a line what was checked, or what is broken: `status one of ...: 3 of 120 rows (id 7, 9, 12)`."""
        if self.success:
            return f"{len(self.outcomes)} promises kept by {self.rows:,} rows"
        return "; ".join(_line(outcome) for outcome in self.failures)


def _line(outcome: Outcome) -> str:
    promise = f"{outcome.column} {outcome.text}" if outcome.column else outcome.text
    if outcome.unexpected is None:
        return f"{promise}: {outcome.observed}"
    keys = f" (key {', '.join(outcome.keys)})" if outcome.keys else ""
    return f"{promise}: broken by {outcome.unexpected} of {outcome.rows} rows{keys}"
