"""What stands around the dashboards in a Metabase: collections, groups and rights, embedding, what is sent.

    definitions/metabase/access.yaml    collections, groups, embedding
    definitions/metabase/sending.yaml   subscriptions, alerts
    definitions/metabase/models.yaml    models for people who ask by themselves; may be missing

Read as strictly as dashboards are: unknown keys, and names that lead nowhere, are errors with file, line and the
nearest name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeVar

import yaml

from dashboards.errors import DefinitionError, did_you_mean
from dashboards.loader import Definitions
from dashboards.model import Dashboard
from dashboards.yaml_reader import YamlFile

Data = Literal["none", "builder", "sql"]
Right = Literal["read", "write"]
Each = Literal["hour", "day", "week", "month"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Condition = Literal["rows", "above_target", "below_target"]
EVERYONE: Final = "everyone"  # Metabase's own group of all users
MODELS: Final = "models.yaml"
_FILES: Final = {
    "access.yaml": frozenset({"collections", "groups", "embedding"}),
    "sending.yaml": frozenset({"subscriptions", "alerts"}),
    MODELS: frozenset({"models"}),
}
_KEY: Final = re.compile(r"[a-z][a-z0-9_]*")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Collection:
    """A folder of Metabase's, below the one of all that Flux makes. A dashboard lies in that of its audience."""

    key: str
    title: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of people and all that it may do with what is ours."""

    key: str
    title: str
    data: Data
    collections: Mapping[str, Right] = field(default_factory=dict)
    people: tuple[str, ...] | None = None
    """Who is in it, by their addresses, and nobody else; None: people are put into it there, or by a sign-on."""

    def __post_init__(self) -> None:
        if self.key == EVERYONE and self.people is not None:
            raise ValueError("everybody is in it: it takes no 'people'")
        for email in self.people or ():
            if not _EMAIL.fullmatch(email):
                raise ValueError("an entry of 'people' is no address")


@dataclass(frozen=True, slots=True)
class Embedding:
    """A dashboard that may be shown elsewhere, for one value of a filter that is signed into the link."""

    key: str
    lock: str
    by: str
    """`model.column`: what is signed. The model also has the filter's column."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", self.by):
            raise ValueError(f"'by' wants model.column, not {self.by!r}")

    @property
    def model(self) -> str:
        """Name of the model with both columns."""
        return self.by.split(".")[0]

    @property
    def column(self) -> str:
        """The column whose value is signed; also the name of the parameter."""
        return self.by.split(".")[1]


@dataclass(frozen=True, slots=True)
class When:
    """When something is sent, in Metabase's report time zone. A month's is sent on its first day."""

    each: Each
    hour: int | None = None
    day: Day | None = None

    def __post_init__(self) -> None:
        if (self.hour is None) != (self.each == "hour"):
            raise ValueError("'hour' belongs to each day, week or month, and is needed there")
        if self.hour is not None and not 0 <= self.hour <= 23:
            raise ValueError(f"hour {self.hour} is none; it must be 0 to 23")
        if (self.day is None) == (self.each == "week"):
            raise ValueError("'day' belongs to each week, and is needed there")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A dashboard that is sent regularly."""

    key: str
    title: str
    dashboard: str
    when: When
    emails: tuple[str, ...] = ()
    slack: str | None = None
    csv: bool = False
    """Attach each card's rows."""
    skip_if_empty: bool = False

    def __post_init__(self) -> None:
        _check_receivers(self.emails, self.slack)


@dataclass(frozen=True, slots=True)
class Alert:
    """A card that is sent when it has rows, or crosses its target."""

    key: str
    card: str
    sends: Condition
    when: When
    emails: tuple[str, ...] = ()
    slack: str | None = None
    once: bool = False

    def __post_init__(self) -> None:
        _check_receivers(self.emails, self.slack)


@dataclass(frozen=True, slots=True)
class MetabaseModel:
    """A query that people begin with; its SQL is `models/KEY.sql`."""

    key: str
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All of it, by key."""

    collections: Mapping[str, Collection] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    embedding: Mapping[str, Embedding] = field(default_factory=dict)
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    models: Mapping[str, MetabaseModel] = field(default_factory=dict)


def load_surroundings(directory: Path, definitions: Definitions, models: Iterable[str]) -> Surroundings:
    """Read both files of `directory`. Raises DefinitionError at the first mistake. `models` are dbt's."""
    there = {name: keys for name, keys in _FILES.items() if name != MODELS or (directory / name).exists()}
    access, sending, *more = (_Reader(directory / name, keys) for name, keys in there.items())
    dashboards = {dashboard.key: dashboard for dashboard in definitions.dashboards}
    found = Surroundings(
        access.read("collections", Collection),
        access.read("groups", Group),
        access.read("embedding", Embedding),
        sending.read("subscriptions", Subscription),
        sending.read("alerts", Alert),
        more[0].read("models", MetabaseModel) if more else {},
    )
    for dashboard in definitions.dashboards:
        access.require(dashboard.audience, found.collections, "collections", None, "collection of an audience")
    if EVERYONE not in found.groups:
        raise access.error("groups", None, f"the group {EVERYONE!r} is missing: rights add up, so say what all have")
    for group in found.groups.values():
        for name in group.collections:
            access.require(name, found.collections, "groups", group.key, "collection")
    for embedding in found.embedding.values():
        access.require(embedding.key, dashboards, "embedding", embedding.key, "dashboard")
        access.require(embedding.model, models, "embedding", embedding.key, "model")
        _check_locked(access, dashboards[embedding.key], embedding)
    for subscription in found.subscriptions.values():
        sending.require(subscription.dashboard, dashboards, "subscriptions", subscription.key, "dashboard")
    cards = {key: card for dashboard in definitions.dashboards for key, card in dashboard.cards.items()}
    for alert in found.alerts.values():
        sending.require(alert.card, cards, "alerts", alert.key, "card")
        if alert.sends != "rows" and cards[alert.card].target is None:
            words = f"the card {alert.card!r} has no 'target': an alert about it would never be sent"
            raise sending.error("alerts", alert.key, words)
    return found


def _check_locked(access: _Reader, dashboard: Dashboard, embedding: Embedding) -> None:
    """One card that does not obey the lock would show every client to each."""
    access.require(embedding.lock, dashboard.filters, "embedding", dashboard.key, f"filter of {dashboard.key!r}")
    for card in dashboard.cards.values():
        if embedding.lock not in card.filters:
            words = (
                f"card {card.key!r} does not obey the filter {embedding.lock!r}: embedded, it would show every"
                " client's rows; let it obey, or do not embed the dashboard"
            )
            raise access.error("embedding", dashboard.key, words)


class _Reader:
    """One file: its sections, each a mapping from key to an entry."""

    def __init__(self, path: Path, keys: frozenset[str]) -> None:
        self._file = YamlFile(path)
        self._sections = self._file.mapping(self._file.root, "the file")
        for name, (key, _) in self._sections.items():
            if name not in keys:
                raise self._file.error(key, f"unknown key {name!r} in the file{did_you_mean(name, keys)}")

    def read(self, section: str, kind: type[T]) -> dict[str, T]:
        if section not in self._sections:
            return {}
        found = {}
        for key, (node, value) in self._entries(section).items():
            if not _KEY.fullmatch(key):
                raise self._file.error(node, f"key {key!r} must be lower snake case")
            found[key] = self._file.read(value, kind, f"{key!r} of {section!r}", key=key)
        return found

    def require(self, name: str, known: Iterable[str], section: str, key: str | None, what: str) -> None:
        known = list(known)
        if name not in known:
            raise self.error(section, key, f"there is no {what} {name!r}{did_you_mean(name, known)}")

    def error(self, section: str, key: str | None, words: str) -> DefinitionError:
        node = self._file.root
        if section in self._sections:
            node = self._sections[section][0] if key is None else self._entries(section)[key][0]
        return self._file.error(node, words)

    def _entries(self, section: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        return self._file.mapping(self._sections[section][1], f"{section!r}")


def _check_receivers(emails: tuple[str, ...], slack: str | None) -> None:
    if not emails and slack is None:
        raise ValueError("it is sent to nobody; give 'emails' or 'slack'")
    if emails and slack is not None:
        raise ValueError("'emails' and 'slack' are two ways; make one entry of each")
    for email in emails:
        if not _EMAIL.fullmatch(email):
            raise ValueError("an entry of 'emails' is no address")
    if slack is not None and not slack.startswith(("#", "@")):
        raise ValueError(f"'slack' wants a channel, '#name', not {slack!r}")
