"""Calls as no SDK should send them, and where each of their values must then be found.

A call is drawn as a value that JSON cannot always say (NaN, lone surrogates, members named twice) and written as bytes
by hand. Most leaves carry a number of their own, so that one that is lost is not found elsewhere by accident.
"""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final  # Any: JSON documents and rows

from hypothesis import strategies as st

KINDS: Final = ("track", "identify", "page", "screen", "group", "alias")
CONTENTS: Final = {kind: "traits" if kind in ("identify", "group", "alias") else "properties" for kind in KINDS}
# What a call of each kind lands beside ids, times, context and contents. The other members of Segment's spec are not
# landed, neither by Segment nor here.
OWN: Final[Mapping[str, tuple[str, ...]]] = {
    "track": ("event",), "identify": (), "page": ("name", "category"), "screen": ("name", "category"),
    "group": ("groupId",), "alias": ("previousId",),
}  # fmt: skip
IDS: Final = ("messageId", "userId", "anonymousId")
TIMES: Final = ("timestamp", "originalTimestamp", "sentAt")
COMMON: Final = (*IDS, "type", "context", *TIMES)
EVENTS: Final = ("Item Sold", "users", "Tracks", "2FA Enabled", "élève", "日本", "order", "x" * 150, "a b", "a-b", "\0")
_NAMES: Final = (
    "a", "A", "a b", "a-b", "aB", "id", "user_id", "timestamp", "context_ip", "event", "é", "\0", "", "page", "select",
    "uuid_ts", "_extra", "_record", "name", chr(0xD83D), "p" * 200, "1st", 'quo"te', "back\\slash",
)  # fmt: skip


@dataclass(frozen=True)
class Pairs:
    """An object as it is written: a name may come twice."""

    members: tuple[tuple[str, Any], ...]

    def last(self) -> dict[str, Any]:
        """The members as every reader of JSON has them: of a name that comes twice, the last value."""
        return dict(self.members)


def _texts() -> st.SearchStrategy[str]:
    nearly = ["2026-01-01T12:00:00+02:00", "0001-01-01", "true", "1e5", "NaN", "{}", "[1]", "null", "9" * 400]
    odd = st.sampled_from([*nearly, "", "\0", "a\0b", chr(0xD800), f"x{chr(0xDC00)}y", "\U0001f600", "\u2028"])
    return st.builds("{}#{}".format, st.text(max_size=8), st.integers(1, 10**9)) | odd


def _numbers() -> st.SearchStrategy[object]:
    odd = [2**70, -(2**70), 2**63, 2**63 - 1, 2**53 + 1, -(2**63), 10**400, -0.0, 1e308, 5e-324, 0.1]
    return (
        st.sampled_from(odd) | st.integers() | st.floats() | st.sampled_from([math.nan, math.inf, -math.inf])
    )  # fmt: skip


def _object(values: st.SearchStrategy[Any], max_size: int = 4) -> st.SearchStrategy[Pairs]:
    names = st.sampled_from(_NAMES) | st.text(max_size=4)
    return st.lists(st.tuples(names, values), max_size=max_size).map(lambda found: Pairs(tuple(found)))


@st.composite
def _deep(draw: st.DrawFn) -> Any:
    """Arrays or objects within one another, up to thousands, around one value."""
    value: Any = draw(_texts())
    name = draw(st.sampled_from(_NAMES))
    in_arrays = draw(st.booleans())
    for _ in range(draw(st.sampled_from((15, 17, 100, 199, 201, 1_000, 3_000)))):
        value = [value] if in_arrays else Pairs(((name, value),))
    return value


_SCALARS: Final = st.none() | st.booleans() | _numbers() | _texts()
ANYTHING: Final[st.SearchStrategy[Any]] = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | _object(inner), max_leaves=6
)


@dataclass(frozen=True)
class OddCall:
    """A call; `wrong` names the member that is not as it should be."""

    kind: str
    members: Pairs
    wrong: str | None = None
    ascii_only: bool = True
    number: int = 0

    def numbered(self, number: int) -> "OddCall":
        """The same call with ids of its own: what was sent before would be a duplicate."""
        ids = {name: f"{name[0]}-{number}" for name in IDS if name != self.wrong}
        members = Pairs(tuple((name, ids.get(name, value)) for name, value in self.members.members))
        return replace(self, members=members, number=number)

    @property
    def raw(self) -> bytes:
        """Its bytes."""
        return encode(self.members, ascii_only=self.ascii_only)

    def landing(self) -> Iterator[object]:
        """The values that a row of this call must hold."""
        present = self.members.last()
        for name in (*IDS, "context", CONTENTS[self.kind], *OWN[self.kind]):
            yield from leaves(present.get(name))


@st.composite
def odd_calls(draw: st.DrawFn) -> OddCall:
    """A call whose contents are anything, and of whose members one may be of any type."""
    kind = draw(st.sampled_from(KINDS))
    allowed = (*COMMON, CONTENTS[kind], *OWN[kind])
    members: dict[str, Any] = {
        "type": kind, **dict.fromkeys(IDS, ""), "event": draw(st.sampled_from(EVENTS)), "name": "Name", "groupId": "g",
        "previousId": "p", "timestamp": "2026-11-02T08:00:00.000Z", "context": draw(_object(ANYTHING)),
        CONTENTS[kind]: draw(_object(ANYTHING | _deep(), max_size=6)),
    }  # fmt: skip
    pairs = tuple((name, value) for name, value in members.items() if name in allowed)
    wrong = draw(st.none() | st.sampled_from(allowed))
    if wrong is not None:
        pairs = (*(pair for pair in pairs if pair[0] != wrong), (wrong, draw(ANYTHING | _deep())))
        if draw(st.booleans()):  # named twice: what comes last counts
            pairs = ((wrong, members.get(wrong)), *pairs)
    return OddCall(kind, Pairs(pairs), wrong, draw(st.booleans()))


def encode(value: object, *, ascii_only: bool = True) -> bytes:
    """Write a value as the JSON that a careless program writes. Never recurses: values are nested thousands deep."""
    parts: list[bytes] = []
    waiting: list[object] = [value]
    while waiting:
        now = waiting.pop()
        if isinstance(now, bytes):
            parts.append(now)
        elif isinstance(now, Pairs):
            inner: list[object] = [b"{"]
            for place, (name, item) in enumerate(now.members):
                inner += [b"," if place else b"", _text(name, ascii_only), b":", item]
            waiting += reversed([*inner, b"}"])
        elif isinstance(now, list):
            items = [part for item in now for part in (b",", item)]
            waiting += reversed([b"[", *items[1:], b"]"])
        elif isinstance(now, str):
            parts.append(_text(now, ascii_only))
        else:
            parts.append(str(now).encode() if type(now) is int else json.dumps(now).encode())
    return b"".join(parts)


def _text(text: str, ascii_only: bool) -> bytes:
    return json.dumps(text, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def leaves(value: object) -> Iterator[object]:
    """The scalars within a value that must not be lost: no nulls. Never recurses."""
    waiting = [value]
    while waiting:
        now = waiting.pop()
        if isinstance(now, Pairs):
            waiting += now.last().values()
        elif isinstance(now, list):
            waiting += now
        elif now is not None:
            yield now


# ---------- where values are found


class Found:
    """All that the rows of one call hold, JSON within text included."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._texts: set[str] = set()
        self._numbers: set[Decimal] = set()
        self._times: set[datetime | None] = set()
        for row in rows:
            for value in row.values():
                self._add(value)

    def holds(self, leaf: object) -> bool:
        """Whether a leaf is there, in any of the forms that a wider column gives it."""
        if isinstance(leaf, bool):
            return bool(self._texts & {str(leaf).lower()}) or Decimal(leaf) in self._numbers
        if isinstance(leaf, float) and not math.isfinite(leaf):
            # Python writes NaN and Infinity, DuckDB nan and inf.
            return str(leaf) in self._texts or json.dumps(leaf) in self._texts
        if isinstance(leaf, int | float):
            return Decimal(leaf) in self._numbers
        forms = {characters(str(leaf)), str(leaf).encode("utf-8", "surrogatepass").decode("utf-8", "replace")}
        return not self._texts.isdisjoint(forms) or not self._times.isdisjoint(map(_time, forms))

    def _add(self, value: Any) -> None:
        if isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                self._add(item)
        elif isinstance(value, datetime):
            self._times.add(value.astimezone(UTC))
        elif isinstance(value, str):
            self._texts.add(value)
            self._read(value)
        elif value is not None:
            self._texts.add(str(value).lower())
            self._number(repr(value) if isinstance(value, float) else str(int(value)))

    def _read(self, text: str) -> None:
        self._number(text)
        if (at := _time(text)) is not None:
            self._times.add(at)
        if text[:1] in ("[", "{"):
            try:
                self._add(json.loads(text, parse_float=str, parse_int=str))
            except (ValueError, RecursionError):
                return

    def _number(self, text: str) -> None:
        try:
            number = Decimal(text)
        except InvalidOperation:
            return
        if number.is_finite():
            self._numbers |= {number, Decimal(float(text))} if abs(number) <= sys.float_info.max else {number}
        else:
            self._texts.add(str(float(text)))


def characters(text: str) -> str:
    """A text as it can be stored: what is no character is U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def lost(call: OddCall, rows: Sequence[Mapping[str, Any]]) -> list[object]:
    """Those values of a call that landed which its rows do not hold."""
    found = Found(rows)
    return [leaf for leaf in call.landing() if leaf != "" and not found.holds(leaf)]


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None
