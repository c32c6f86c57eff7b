"""The types that a setting may have, how their values are read and shown; `settings` has the settings themselves."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from orchestration.errors import SettingError

WireFormat = Literal["text", "binary"]
HistoryMode = Literal["keep", "off"]
PREFIX = "FLUX_"


@dataclass(frozen=True, slots=True)
class About:
    """What a setting is for, whether its value is a secret, and whether nothing of that may be shown at all."""

    doc: str
    secret: bool = False
    opaque: bool = False


def shown(value: str, about: About) -> str:
    """Give a setting's value as it may be shown."""
    if about.opaque:
        return "***"
    return masked(value) if about.secret else value


def masked(text: str) -> str:
    """Hide what is secret in a URL (all but scheme, host, port and database) or in write keys (all but sources)."""
    if "://" in text:
        scheme, _, rest = text.partition("://")
        rest = rest.partition("?")[0]
        return f"{scheme}://{rest.rpartition('@')[2]}"
    return ",".join("***:" + part.rpartition(":")[2] if ":" in part else "***" for part in text.split(","))


def text_of(value: object) -> str:
    """Write a value as a variable holds it."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def unknown(name: str, known: Mapping[str, object]) -> str:
    """Say that there is no such setting, with those that are named alike."""
    # Compared without the prefix, which would make any two names look alike.
    bare = {other.removeprefix(PREFIX): other for other in known}
    near = [bare[other] for other in difflib.get_close_matches(name.removeprefix(PREFIX), bare, n=3, cutoff=0.6)]
    hint = f"did you mean {' or '.join(near)}?" if near else "'flux settings' lists them"
    return f"unknown setting {name!r}; {hint}"


def _whole(text: str) -> int:
    return int(text.replace("_", ""))


def _truth(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type that a setting may have: its name in tables, its parser, and what an error asks for."""

    name: str
    parse: Callable[[str], object]
    wanted: str


KINDS: dict[object, Kind] = {
    Path: Kind("path", Path, "a path"),
    Path | None: Kind("path", Path, "a path"),
    str: Kind("text", str, "text"),
    str | None: Kind("text", str, "text"),
    int: Kind("integer", _whole, "a whole number"),
    int | None: Kind("integer", _whole, "a whole number"),
    float: Kind("number", float, "a number"),
    float | None: Kind("number", float, "a number"),
    bool: Kind("0 or 1", _truth, "1 or 0"),
    WireFormat: Kind("text or binary", {name: name for name in get_args(WireFormat)}.__getitem__, "text or binary"),
    HistoryMode: Kind("keep or off", {name: name for name in get_args(HistoryMode)}.__getitem__, "keep or off"),
    dt.date | None: Kind("date", dt.date.fromisoformat, "a date, YYYY-MM-DD"),
}


def parse(name: str, text: str, kind: object, about: About) -> object:
    """Read a value of its kind. Raises SettingError; the value of a secret is not quoted."""
    try:
        return KINDS[kind].parse(text.strip())
    except (ValueError, KeyError) as error:
        told = "***" if about.secret or about.opaque else repr(text)
        raise SettingError(f"{name} wants {KINDS[kind].wanted}, got {told}; see 'flux settings'") from error
