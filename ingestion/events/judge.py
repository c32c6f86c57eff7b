"""Hold a call against its source's tracking plan: what is wrong with it, where, and what then becomes of it.

Modes (of the plan, or of one event): `allow` lands all as it is; `omit` lands the call, and what the plan does not know
or what breaks its rules stands in `_extra` instead of in columns; `quarantine` and `block` refuse the call, which goes
to quarantine whole. A null counts as absent, as for columns. Calls that the plan says nothing of (an alias always, a
page where it has no `pages`) are not judged; an event that it does not name is wrong as a whole.

A reason names events, properties and rules, all of which become names of tables and columns anyway, and no value.
Source of the rules: JSON Schema 2020-12, as jsonschema-rs checks it (2026-11: 1.4 microseconds for ten properties,
decoding included). Pure.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import jsonschema_rs

from ingestion.errors import CallRefusedError
from ingestion.events.contract import Call, Subject, contents_member
from ingestion.events.flatten import Extra
from ingestion.events.shapes import Object, decode_object
from ingestion.events.tracking_plan import PATTERNS, PlannedCall, TrackingPlan, object_schema

_ABSENT: Final = (b"", b"null")
_SHOWN: Final = 4
_NAME_LENGTH: Final = 80
_REMEMBERED: Final = 1_000
_RULES: Final = {
    "const": "is not the constant of the plan",
    "format": "is not in the format {}",
    "pattern": "does not match the pattern {}",
    "minLength": "is shorter than {}",
    "maxLength": "is longer than {}",
    "minimum": "is less than {}",
    "maximum": "is more than {}",
    "exclusiveMinimum": "is not more than {}",
    "exclusiveMaximum": "is not less than {}",
    "multipleOf": "is no multiple of {}",
    "minItems": "has fewer than {} items",
    "maxItems": "has more than {} items",
    "uniqueItems": "holds an item twice",
}

Path = tuple[str | int, ...]


class Violation(NamedTuple):
    """What is wrong at one place of a call. The path of the call itself is empty."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{'.'.join(_shown(part) for part in self.path)} {self.reason}" if self.path else self.reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the plan says against a call, and the mode that decides what becomes of it."""

    mode: str
    violations: tuple[Violation, ...]

    @property
    def refused(self) -> bool:
        """Whether the call goes to quarantine."""
        return self.mode in ("quarantine", "block")

    @property
    def reason(self) -> str:
        """All of it in one line, in an order that does not depend on the call's."""
        told = sorted(map(str, self.violations))
        more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        return "tracking plan: " + "; ".join(told[:_SHOWN]) + more


@dataclass(frozen=True, slots=True)
class Kept:
    """What `omit` leaves of a call's properties or traits, and what it took out, by path."""

    content: Object
    omitted: Extra


class PlanJudge:
    """A tracking plan, ready to judge the calls of its source."""

    def __init__(self, plan: TrackingPlan) -> None:
        self._plan = plan
        self._unplanned_names: dict[str, str] = {}
        self._validators: dict[str, jsonschema_rs.Validator] = {}
        self._allows_all = plan.mode == "allow" and all(
            planned.mode == "allow" for planned in (*plan.events.values(), *plan.calls.values())
        )

    @property
    def source(self) -> str:
        """The source whose calls it judges."""
        return self._plan.source

    def enforce(self, call: Call, subject: Subject) -> Kept | None:
        """Return what `omit` changes of a call, None when it lands as it is. Raises CallRefusedError."""
        if self._allows_all:
            return None
        planned = self._planned(subject)
        if (self._plan.mode if planned is None else planned.mode) == "allow":
            return None
        content = content_of(call, subject)
        verdict = self.judge(subject, content)
        if verdict is None:
            return None
        if verdict.refused:
            raise CallRefusedError(verdict.reason)
        return _omit(content, verdict)

    def judge(self, subject: Subject, content: Object) -> Verdict | None:
        """Say what the plan has against a call that carries `content`; None: nothing."""
        planned = self._planned(subject)
        if planned is None:
            if subject.type != "track":
                return None
            return Verdict(self._plan.mode, (Violation((), self._unplanned(subject.name or "")),))
        violations: list[Violation] = []
        if planned.names and subject.name not in planned.names:
            violations.append(Violation((), f"the {subject.type}'s name is not one of the plan's"))
        validator = self._validator(subject.type, planned)
        if not _valid(validator, content):
            content = _without_nulls(content)
            if not _valid(validator, content):
                violations.extend(_explain(validator, content, planned))
        return Verdict(planned.mode, tuple(violations)) if violations else None

    def _planned(self, subject: Subject) -> PlannedCall | None:
        if subject.type == "track":
            return self._plan.events.get(subject.name or "")
        return self._plan.calls.get(subject.type)

    def _validator(self, kind: str, planned: PlannedCall) -> jsonschema_rs.Validator:
        key = f"{kind}:{planned.name}"
        found = self._validators.get(key)
        if found is None:
            found = self._validators[key] = jsonschema_rs.Draft202012Validator(
                object_schema(planned.properties),
                validate_formats=True,
                pattern_options=PATTERNS,
            )
        return found

    def _unplanned(self, name: str) -> str:
        name = _shown(name)
        found = self._unplanned_names.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self._plan.events, 1)
            found = f"event {name!r} is not planned" + (f", {near[0]!r} is" if near else "")
            if len(self._unplanned_names) < _REMEMBERED:
                self._unplanned_names[name] = found
        return found


def content_of(call: Call, subject: Subject) -> Object:
    """Decode the properties or traits of a call. Raises CallRefusedError where they are no object."""
    member = contents_member(subject.type)
    raw = bytes(call.traits if member == "traits" else call.properties)
    return {} if raw in _ABSENT else decode_object(raw, member)


def browser_plan(plan: TrackingPlan) -> Mapping[str, object]:
    """Return the plan as Segment's settings document has it: with mode `block`, other events are not enabled."""
    blocked = plan.mode == "block"
    named = plan.events if blocked else ()
    return {
        "__default": {"enabled": not blocked, "integrations": {}},
        **{name: {"enabled": True, "integrations": {}} for name in named},
    }


def _valid(validator: jsonschema_rs.Validator, content: Object) -> bool:
    try:
        return validator.is_valid(content)
    except ValueError:  # NaN and what else is no JSON
        return False


def _explain(validator: jsonschema_rs.Validator, content: Object, planned: PlannedCall) -> list[Violation]:
    try:
        errors = list(validator.iter_errors(content))
    except ValueError:
        return [Violation((), "holds a value that JSON lacks (NaN, infinity)")]
    return [violation for error in errors for violation in _violations(error)]


def _violations(error: jsonschema_rs.ValidationError) -> list[Violation]:
    path, kind = tuple(error.instance_path), error.kind
    match kind:
        case jsonschema_rs.ValidationErrorKind.Required():
            return [Violation((*path, str(kind.property)), "is missing")]
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties():
            return [Violation((*path, name), "is not planned") for name in kind.unexpected]
        case jsonschema_rs.ValidationErrorKind.Type():
            return [Violation(path, f"is not of type {', '.join(kind.types)}")]
        case jsonschema_rs.ValidationErrorKind.Enum():
            return [Violation(path, f"is not one of {', '.join(map(str, kind.options))}")]
    rule, limits = str(error.schema_path[-1]), list(kind.as_dict().values())
    return [Violation(path, _RULES.get(rule, f"breaks the rule {rule!r}").format(limits[0] if limits else ""))]


def _omit(content: Object, verdict: Verdict) -> Kept:
    """Take out what the verdict complains of; of an event that is not planned, everything."""
    if any(not violation.path for violation in verdict.violations):
        return Kept({}, {name: value for name, value in content.items() if value is not None})
    kept, omitted = _copied(content), Extra()
    for violation in sorted(verdict.violations):
        names = _names(violation.path)
        holder: object = kept
        for name in names[:-1]:
            holder = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and names and names[-1] in holder:
            value = holder.pop(names[-1])
            if value is not None:
                omitted[".".join(names)] = value
    return Kept(kept, omitted)


def _names(path: Path) -> list[str]:
    """Return the path down to the first array: of an array, all or nothing is a column."""
    names: list[str] = []
    for part in path:
        if isinstance(part, int):
            break
        names.append(part)
    return names


def _copied(value: Object) -> Object:
    return {key: _copied(item) if isinstance(item, dict) else item for key, item in value.items()}


def _without_nulls(value: Object) -> Object:
    return {
        key: _without_nulls(item) if isinstance(item, dict) else item for key, item in value.items() if item is not None
    }


def _shown(part: str | int | Sequence[str]) -> str:
    text = str(part)
    text = text if len(text) <= _NAME_LENGTH else text[:_NAME_LENGTH] + "…"
    return text if text.isprintable() else text.encode("unicode_escape").decode()
