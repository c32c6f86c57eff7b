"""Read a tracking plan: which events an application sends, and what they carry.

A YAML file with `version: 1`, `source`, `mode`, `common` (properties of every event), `events`, `pages`, `screens`,
`identify` and `group`. A property is a JSON Schema (draft 2020-12, the keywords in _PROPERTY) with two differences: it
has exactly one `type`, and `required` stands at the property itself. The loader is strict: a key that it does not know
is an error that offers the nearest one, since a misspelled `required` would otherwise be a rule that nobody checks.

The plan types the tables before the first event comes; `ingestion.events.judge` holds events against it, at load. It
never decides whether an event is accepted at the 200.
"""

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import jsonschema_rs
import yaml

from ingestion.errors import TrackingPlanError
from ingestion.events.naming import CONTEXT_PREFIX, SOURCE, event_table, identifier

JSON_TYPES: Final = ("string", "integer", "number", "boolean", "array", "object")
MODES: Final = ("allow", "omit", "quarantine", "block")

# What may differ from the plan's own mode for one event. To block a planned event is to take it out of the plan.
EVENT_MODES: Final = ("allow", "omit", "quarantine")
# Linear regular expressions: what a client sends must not choose how long a check takes.
PATTERNS: Final = jsonschema_rs.RegexOptions()
FORMATS: Final = (
    "date-time", "date", "time", "duration", "uuid", "email", "uri", "hostname", "ipv4", "ipv6",
)  # fmt: skip

_TOP: Final = ("version", "source", "mode", "common", "events", "pages", "screens", "identify", "group")
_PLAIN: Final = (
    "const", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "items", "minItems", "maxItems", "uniqueItems",
)  # fmt: skip
_PROPERTY: Final = ("type", "format", "required", "enum", "description", "properties", *_PLAIN)


@dataclass(frozen=True, slots=True)
class Property:
    """A property or trait of a call. `type` is one of JSON_TYPES, `format` as in JSON Schema."""

    name: str
    type: str
    format: str | None = None
    required: bool = False
    enum: tuple[object, ...] = ()
    description: str = ""
    properties: tuple["Property", ...] = ()
    rules: Mapping[str, object] = field(default_factory=dict)
    """Further keywords of JSON Schema."""

    def schema(self) -> dict[str, object]:
        """Return the property as a JSON Schema. An object without planned properties may hold anything."""
        found: dict[str, object] = {"type": self.type, **self.rules}
        if self.format is not None:
            found["format"] = self.format
        if self.enum:
            found["enum"] = list(self.enum)
        return {**found, **object_schema(self.properties)} if self.properties else found


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """An event, or one of the calls page, screen, identify, group, with what it carries.

    `mode` is the plan's unless the event has its own; `names` are those that a page or screen may have (none: any).
    """

    name: str
    description: str
    properties: tuple[Property, ...]
    mode: str = "allow"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackingPlan:
    """What the application of one source sends: `events` by name, `calls` by type (page, screen, identify, group)."""

    source: str
    mode: str
    events: Mapping[str, PlannedCall]
    calls: Mapping[str, PlannedCall]
    fingerprint: str = ""
    """Hash of the plan's text: says whether a plan is the one that was applied already."""


def object_schema(properties: tuple[Property, ...]) -> dict[str, object]:
    """Return the JSON Schema of an object that holds the planned properties and no others."""
    return {
        "type": "object",
        "properties": {item.name: item.schema() for item in properties},
        "required": [item.name for item in properties if item.required],
        "additionalProperties": False,
    }


def load_tracking_plan(path: Path) -> TrackingPlan:
    """Read a plan from a file. Raises TrackingPlanError, which names the file and the place in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrackingPlanError(f"cannot read tracking plan {str(path)!r}; give the path of a YAML file") from error
    try:
        return parse_tracking_plan(text)
    except TrackingPlanError as error:
        raise TrackingPlanError(f"tracking plan {str(path)!r}: {error}") from error.__cause__


def parse_tracking_plan(text: str) -> TrackingPlan:
    """Read a plan from its text. Raises TrackingPlanError."""
    try:
        document = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise TrackingPlanError(f"is not YAML{where}: {getattr(error, 'problem', None) or error}") from error
    top = _members(document, "the plan", _TOP)
    if top.get("version") != 1:
        raise TrackingPlanError(f"version is {top.get('version')!r}; this Flux reads version 1")
    mode = _mode(top.get("mode", "allow"), MODES, "mode")
    common = _properties(top.get("common"), "common")
    events = {
        name: _call(name, body, f"event {name!r}", mode, common, ("description", "mode", "properties"))
        for name, body in _members(top.get("events", {}), "events", None).items()
    }
    calls = {}
    for key, kind in (("pages", "page"), ("screens", "screen")):
        if key in top:
            calls[kind] = _call(kind, top[key], key, mode, (), ("description", "mode", "names", "properties"))
    for kind in ("identify", "group"):
        if kind in top:
            calls[kind] = _call(kind, top[kind], kind, mode, (), ("description", "mode", "traits"))
    _refuse_twins(((event_table(name), name) for name in events), "events", "table")
    source = _text(top.get("source", "default"), "source")
    if not SOURCE.fullmatch(source):
        raise TrackingPlanError(f"source is {source!r}; give its name as sources.toml has it, such as 'web'")
    fingerprint = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return TrackingPlan(source, mode, MappingProxyType(events), MappingProxyType(calls), fingerprint)


def _call(
    name: str, body: object, where: str, mode: str, common: tuple[Property, ...], allowed: tuple[str, ...]
) -> PlannedCall:
    members = _members(body or {}, where, allowed)
    own = _properties(members.get(allowed[-1]), where)
    taken = {item.name for item in own}
    properties = (*own, *(item for item in common if item.name not in taken))
    _refuse_twins(((identifier(item.name), item.name) for item in properties), where, "column")
    names = members.get("names") or []
    if not isinstance(names, list):
        raise TrackingPlanError(f"{where}, names: {names!r} is not a list of names")
    return PlannedCall(
        name,
        _text(members.get("description", ""), f"{where}, description"),
        properties,
        _mode(members["mode"], EVENT_MODES, f"{where}, mode") if "mode" in members else mode,
        tuple(_text(item, f"{where}, names") for item in names),
    )


def _mode(value: object, allowed: tuple[str, ...], where: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise TrackingPlanError(f"{where} is {value!r}; give one of {', '.join(allowed)}")
    return value


def _properties(body: object, where: str) -> tuple[Property, ...]:
    members = _members(body or {}, where, None)
    return tuple(_property(name, value, f"{where}, property {name!r}") for name, value in members.items())


def _property(name: str, body: object, where: str) -> Property:
    members = _members({"type": body} if isinstance(body, str) else body, where, _PROPERTY)
    kind = members.get("type")
    if kind not in JSON_TYPES or not isinstance(kind, str):
        raise TrackingPlanError(f"{where}: type is {kind!r}; give one of {', '.join(JSON_TYPES)}")
    required = members.get("required", False)
    if not isinstance(required, bool):
        raise TrackingPlanError(f"{where}: required is {required!r}; give true or false")
    enum = members.get("enum", [])
    if not isinstance(enum, list):
        raise TrackingPlanError(f"{where}: enum is {enum!r}; give a list of values")
    form = members.get("format")
    if form is not None and form not in FORMATS:
        raise TrackingPlanError(f"{where}: format is {form!r}; give one of {', '.join(FORMATS)}")
    found = Property(
        name=name,
        type=kind,
        format=None if form is None else _text(form, f"{where}, format"),
        required=required,
        enum=tuple(enum),
        description=_text(members.get("description", ""), f"{where}, description"),
        properties=_properties(members.get("properties"), where),
        rules=MappingProxyType({key: members[key] for key in _PLAIN if key in members}),
    )
    try:
        jsonschema_rs.Draft202012Validator(found.schema(), pattern_options=PATTERNS)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        place = error.instance_path if isinstance(error, jsonschema_rs.ValidationError) else ()
        raise TrackingPlanError(f"{where}: {'.'.join(map(str, place)) or 'it'} is not JSON Schema") from error
    return found


def _members(body: object, where: str, allowed: tuple[str, ...] | None) -> dict[str, object]:
    """Return a mapping with text keys, all of them allowed (None: any)."""
    if not isinstance(body, dict):
        raise TrackingPlanError(f"{where}: expected names with values, got {type(body).__name__}")
    for key in body:
        if not isinstance(key, str) or not key:
            raise TrackingPlanError(f"{where}: {key!r} is not a name; put quotes around it")
        if allowed is not None and key not in allowed:
            near = difflib.get_close_matches(key, allowed, 1)
            hint = f"did you mean {near[0]!r}" if near else f"known are {', '.join(allowed)}"
            raise TrackingPlanError(f"{where}: unknown key {key!r}; {hint}")
    return body


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise TrackingPlanError(f"{where}: {value!r} is not text; put quotes around it")
    return value


def _refuse_twins(named: Iterable[tuple[str, str]], where: str, what: str) -> None:
    seen: dict[str, str] = {}
    for column, name in named:
        if column in seen:
            raise TrackingPlanError(f"{where}: {seen[column]!r} and {name!r} would share the {what} {column!r}")
        if what == "column" and column.startswith(CONTEXT_PREFIX):
            raise TrackingPlanError(f"{where}: {name!r} begins like a context column; choose another name")
        seen[column] = name


class _UniqueKeyLoader(yaml.SafeLoader):
    """A SafeLoader that refuses a key given twice. Keys that a merge (`<<`) brings may be overridden."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._flattened: dict[int, yaml.MappingNode] = {}

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value if id(node) not in self._flattened else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    problem = f"{key.value!r} is given twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        self._flattened[id(node)] = node
        super().flatten_mapping(node)
