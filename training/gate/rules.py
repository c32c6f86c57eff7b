"""The rules by which values of a row come from what was known: small functions of operands, one per kind of feature.

A rule gets the row of the spine, its operands (a value of an entity, the versions or the facts of a set) and its
settings. What is not known is None, and so is what is computed with it. Days are UTC days.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from hashlib import md5
from typing import Any  # Any: values of any column

from training.gate.history import Fact, Row, Version

Rule = Callable[..., Any]
Versions = Sequence[Version]

_DAY = timedelta(days=1)


# ---------- of single values


def _value(row: Row, value: Any) -> Any:
    return value


def _row(row: Row, *, column: str) -> Any:
    return row[column]


def _words(row: Row, *values: Any) -> str | None:
    return None if None in values else " ".join(values)


def _subject(row: Row, user: Any) -> str | None:
    return None if user is None else md5(f"subject|{user}".encode(), usedforsecurity=False).hexdigest()


def _days_since(row: Row, day: Any) -> int | None:
    return None if day is None else (row["requested_at"].date() - day).days


def _days_until(row: Row, day: Any) -> int | None:
    return None if day is None else (day - row["requested_at"].date()).days


def _age_days(row: Row, moment: Any) -> float | None:
    return None if moment is None else (row["requested_at"] - moment) / _DAY


def _difference(row: Row, one: Any, other: Any) -> Any:
    return None if one is None or other is None else one - other


def _distance(row: Row, one: Any, other: Any) -> Any:
    return None if one is None or other is None else abs(one - other)


def _same(row: Row, one: Any, other: Any) -> bool | None:
    return None if one is None or other is None else bool(one == other)


def _holds(row: Row, values: Any, value: Any) -> bool | None:
    if values is None or value is None:
        return None
    return value in (values.strip("{}").split(",") if isinstance(values, str) else values)


def _flag(row: Row, document: Any, *, name: str) -> bool:
    told = json.loads(document) if isinstance(document, str) else document
    return bool(told) and told.get(name) is True


def _near(row: Row, document: Any, one: Any, other: Any) -> bool:
    return _flag(row, document, name="remote") or bool(_same(row, one, other))


# ---------- of skills


def _best(held: Versions) -> dict[Any, int]:
    levels: dict[Any, int] = {}
    for one in held:
        levels[one.values["skill_id"]] = max(one.values["level"], levels.get(one.values["skill_id"], 0))
    return levels


def _wanted(held: Versions) -> set[Any]:
    return {one.values["skill_id"] for one in held if one.values["wants_to_use"]}


def _met(asked: Versions, held: Versions) -> list[Row]:
    levels = _best(held)
    return [one.values for one in asked if levels.get(one.values["skill_id"], 0) >= one.values["min_level"]]


def _skill_count(row: Row, held: Versions) -> int:
    return len(_best(held))


def _wanted_count(row: Row, held: Versions) -> int:
    return len(_wanted(held))


def _mean_level(row: Row, held: Versions) -> float | None:
    levels = _best(held).values()
    return sum(levels) / len(levels) if levels else None


def _required_count(row: Row, asked: Versions) -> int:
    return sum(one.values["is_required"] for one in asked)


def _matched_count(row: Row, asked: Versions, held: Versions) -> int:
    return len(_met(asked, held))


def _matched_required_count(row: Row, asked: Versions, held: Versions) -> int:
    return sum(one["is_required"] for one in _met(asked, held))


def _asked_and_wanted_count(row: Row, asked: Versions, held: Versions) -> int:
    return len(_wanted(held) & {one.values["skill_id"] for one in asked})


def _missing_levels(row: Row, asked: Versions, held: Versions) -> int:
    levels = _best(held)
    return sum(max(one.values["min_level"] - levels.get(one.values["skill_id"], 0), 0) for one in asked)


def _coverage(row: Row, asked: Versions, held: Versions) -> float | None:
    whole = sum(one.values["importance"] for one in asked)
    return sum(one["importance"] for one in _met(asked, held)) / whole if whole else None


def _fit(row: Row, asked: Versions, held: Versions) -> float | None:
    levels = _best(held)
    weights = [one.values["importance"] * (2 if one.values["is_required"] else 1) for one in asked]
    shares = [min(levels.get(one.values["skill_id"], 0) / one.values["min_level"], 1) for one in asked]
    whole = sum(weights)
    return sum(weight * share for weight, share in zip(weights, shares, strict=True)) / whole if whole else None


# ---------- of what happened


def _since(row: Row, facts: Sequence[Fact], days: int) -> Iterator[Fact]:
    """Yield what became known since the midnight so many days before the request's day."""
    first = row["requested_at"].date() - timedelta(days=days)
    return (fact for fact in facts if fact.known_at.date() >= first)


def _count(row: Row, found: Sequence[Version | Fact]) -> int:
    return len(found)


def _count_since(row: Row, facts: Sequence[Fact], *, days: int) -> int:
    return sum(1 for _ in _since(row, facts, days))


def _rate_since(row: Row, facts: Sequence[Fact], chances: Sequence[Fact], *, days: int) -> float | None:
    whole = _count_since(row, chances, days=days)
    return _count_since(row, facts, days=days) / whole if whole else None


def _none_within(row: Row, facts: Sequence[Fact], *, days: int) -> bool:
    return all(fact.known_at < row["requested_at"] - timedelta(days=days) for fact in facts)


def _days_since_newest(row: Row, facts: Sequence[Fact]) -> float | None:
    return _age_days(row, max((fact.known_at for fact in facts), default=None))


RULES: Mapping[str, Rule] = {
    "value": _value,
    "row": _row,
    "words": _words,
    "subject": _subject,
    "days_since": _days_since,
    "days_until": _days_until,
    "age_days": _age_days,
    "difference": _difference,
    "distance": _distance,
    "same": _same,
    "holds": _holds,
    "flag": _flag,
    "near": _near,
    "skill_count": _skill_count,
    "wanted_count": _wanted_count,
    "mean_level": _mean_level,
    "required_count": _required_count,
    "matched_count": _matched_count,
    "matched_required_count": _matched_required_count,
    "asked_and_wanted_count": _asked_and_wanted_count,
    "missing_levels": _missing_levels,
    "coverage": _coverage,
    "fit": _fit,
    "count": _count,
    "count_since": _count_since,
    "rate_since": _rate_since,
    "none_within": _none_within,
    "days_since_newest": _days_since_newest,
}
