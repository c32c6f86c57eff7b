"""What a raw table promises when it lands (landing.yaml), and a model before it is published (outgoing.yaml).

Plain values and a strict reader: an unknown key or type is a ChecksError that names the file, the relation and the
nearest right word. A contract says what it checks in words (`Rule.text`), so that a report needs no lookup.

What dbt promises is not promised here again: its `primary_key` tests say that keys are filled and unique, its
contracts give models their types (a test looks for doubles).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml

from orchestration.checks.errors import ChecksError

LANDING = Path(__file__).with_name("landing.yaml")
OUTGOING = Path(__file__).with_name("outgoing.yaml")

TYPES = (
    *("bigint", "integer", "smallint", "decimal", "double", "real", "boolean"),
    *("text", "uuid", "json", "blob", "date", "timestamp", "timestamptz"),
)
WORDS = ("type", "optional", "one_of", "between", "filled_when", "severity")

OR_NULL = " or null"

Kind = Literal["types", "rows", "filled", "filled_when", "one_of", "between", "measure"]
Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise. `name` is unique in its relation and stays the same as long as the promise does."""

    name: str
    kind: Kind
    text: str
    severity: Severity = "critical"
    column: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)  # Any: numbers, texts or lists of these

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule reads."""
        return tuple(name for name in (self.column, self.arguments.get("other")) if name)


@dataclass(frozen=True, slots=True)
class Contract:
    """The promises of one relation. `key` are the columns of its primary key, whose values may be shown.

    `changes_within_hours`: the table's changes are judged by its own past (pace.py), and none is older than this.
    """

    relation: str
    key: tuple[str, ...]
    types: Mapping[str, str]  # by column; of a model none, as dbt's contract has them
    rules: tuple[Rule, ...]
    changes_within_hours: float | None = None

    @property
    def schema(self) -> str:
        return self.relation.partition(".")[0]

    @property
    def table(self) -> str:
        return self.relation.partition(".")[2]


def load_contracts(path: Path = LANDING, relations: Iterable[str] | None = None) -> list[Contract]:
    """Read the contracts, or those of some relations. Raises ChecksError for what cannot be meant."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    contracts = {name: read_contract(name, body) for name, body in _mapping(document, path.name).items()}
    if relations is None:
        return list(contracts.values())
    return [contracts[_known(name, contracts, "relation")] for name in relations]


def read_contract(relation: str, body: object) -> Contract:
    """Read the promises of one relation. Raises ChecksError for what cannot be meant."""
    values = _mapping(body, relation, ("key", "rows", "changes", "columns"))
    columns = {
        name: _words(promise, f"{relation}.{name}")
        for name, promise in _mapping(values.get("columns"), f"{relation}: columns").items()
    }
    key = values.get("key")
    keys = tuple(key) if isinstance(key, list) else (str(key),)
    for name in keys:
        _known(name, columns, f"{relation}: key")
    types = {name: words["type"] for name, words in columns.items() if "type" in words}
    rules = []
    if types:
        text = "columns exist with their types"
        rules.append(Rule("columns_have_their_types", "types", text, arguments={"columns": types}))
    if "rows" in values:
        least = int(_mapping(values["rows"], f"{relation}: rows", ("at_least",))["at_least"])
        rules.append(Rule("rows_arrived", "rows", f"at least {least} rows", arguments={"min_value": least}))
    for name, words in columns.items():
        rules += _column_rules(name, words, f"{relation}.{name}", is_key=name in keys)
    hours = _mapping(values.get("changes", {}), f"{relation}: changes", ("within_hours",)).get("within_hours")
    return Contract(relation, keys, types, tuple(rules), None if hours is None else float(hours))


def _words(promise: object, where: str) -> dict[str, Any]:  # Any: parsed YAML
    """Give a column's promise in full: `bigint or null` is short for {type: bigint, optional: true}."""
    if isinstance(promise, str):
        promise = {"type": promise.removesuffix(OR_NULL), "optional": promise.endswith(OR_NULL)}
    words = _mapping(promise, where, WORDS)
    if "type" in words:
        words["type"] = _known(str(words["type"]), TYPES, f"{where}: type")
    return words


def _column_rules(column: str, words: Mapping[str, Any], where: str, *, is_key: bool) -> list[Rule]:
    severity = words.get("severity", "critical")
    if severity not in ("critical", "warning"):
        raise ChecksError(f"{where}: severity is {severity!r}; it must be 'critical' or 'warning'")
    rules = []
    if not is_key and not words.get("optional", False):
        rules.append(Rule(f"{column}_filled", "filled", "never NULL", column=column))
    if "one_of" in words:
        allowed = [str(value) for value in words["one_of"]]
        arguments = {"value_set": allowed}
        rules.append(Rule(f"{column}_one_of", "one_of", f"one of {', '.join(allowed)}", severity, column, arguments))
    if "between" in words:
        least, greatest = words["between"]
        limits = {"min_value": least, "max_value": greatest}
        rules.append(Rule(f"{column}_between", "between", f"{least} to {greatest}", severity, column, limits))
    for other, values in _mapping(words.get("filled_when", {}), f"{where}: filled_when").items():
        name, text = f"{column}_filled_when_{other}", f"never NULL where {other} is {' or '.join(values)}"
        rules.append(Rule(name, "filled_when", text, severity, column, {"other": other, "values": list(values)}))
    return rules


def _mapping(value: object, where: str, keys: Iterable[str] | None = None) -> dict[str, Any]:  # Any: parsed YAML
    if not isinstance(value, dict):
        raise ChecksError(f"{where}: expected keys and values, found {type(value).__name__}")
    for key in value if keys is not None else ():
        _known(str(key), keys or (), f"{where}: key")
    return value


def _known(word: str, choices: Iterable[str], where: str) -> str:
    known = list(choices)
    if word not in known:
        near = get_close_matches(word, known, n=1, cutoff=0.5) or known
        raise ChecksError(f"{where} {word!r} is unknown; did you mean {' or '.join(repr(one) for one in near)}?")
    return word
