"""Read a mapping: which vendor's objects a file holds, what identifies one, and where its members land.

    vendor: greenhouse
    object: candidates
    key: candidate_id                 # or a list
    columns:                          # name in the warehouse: type, or type and name in the file
      candidate_id: {from: Candidate ID, type: integer}
      stage: text
    absent: keep                      # or deleted: the file is all there is, what it lacks was deleted

What a file holds beyond its mapping stays out: a mapping is the choice of what of people gets into the warehouse.
"""

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from ingestion.errors import ImportedFileError

TYPES: Final[Mapping[str, str]] = {
    "text": "varchar",
    "integer": "int8",
    "number": "float8",
    "boolean": "bool",
    "date": "date",
    "timestamp": "timestamptz",
    "json": "json",
}
"""SQL that both warehouses understand, by the mapping's word."""
ABSENT: Final = ("keep", "deleted")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,49}")
_TAKEN: Final = re.compile(r"(app|segment)(_.*)?")


@dataclass(frozen=True, slots=True)
class ObjectColumn:
    """A column: its name in the warehouse, its type (a word of TYPES), and the member of the file that it holds."""

    name: str
    type: str
    member: str


@dataclass(frozen=True, slots=True)
class ObjectMapping:
    """What a vendor's files hold. `fingerprint` says whether a mapping is the one that a file was read with."""

    vendor: str
    object: str
    key: tuple[str, ...]
    columns: tuple[ObjectColumn, ...]
    absent: str
    fingerprint: str

    @property
    def schema(self) -> str:
        """The schema in the warehouse."""
        return f"raw_{self.vendor}"


def load_mapping(path: Path) -> ObjectMapping:
    """Read a mapping from a file. Raises ImportedFileError, which names the file and the place in it."""
    try:
        text = path.read_text(encoding="utf-8")
        return parse_mapping(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ImportedFileError(f"cannot read mapping {str(path)!r}; give the path of a YAML file") from error
    except ImportedFileError as error:
        raise ImportedFileError(f"mapping {str(path)!r}: {error}") from error.__cause__


def parse_mapping(text: str) -> ObjectMapping:
    """Read a mapping from its text. Raises ImportedFileError."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ImportedFileError("is not YAML") from error
    top = _members(document, "the mapping", ("vendor", "object", "key", "columns", "absent"))
    vendor = _name(top.get("vendor"), "vendor")
    if _TAKEN.fullmatch(vendor):
        raise ImportedFileError(f"vendor {vendor!r} would land among Flux's own tables; choose another name")
    columns = tuple(_column(name, body) for name, body in _members(top.get("columns"), "columns", None).items())
    names = [column.name for column in columns]
    keys = top.get("key")
    key = tuple(keys) if isinstance(keys, list) else (keys,)
    if not key or any(name not in names for name in key):
        raise ImportedFileError(f"key is {keys!r}; give one or more of the columns {', '.join(names)}")
    if any(column.type == "json" for column in columns if column.name in key):
        raise ImportedFileError("a key cannot be json; give it another type")
    absent = top.get("absent", ABSENT[0])
    if absent not in ABSENT:
        raise ImportedFileError(f"absent is {absent!r}; give one of {', '.join(ABSENT)}")
    fingerprint = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return ObjectMapping(vendor, _name(top.get("object"), "object"), key, columns, str(absent), fingerprint)


def _column(name: str, body: object) -> ObjectColumn:
    where = f"column {name!r}"
    members = _members({"type": body} if isinstance(body, str) else body, where, ("type", "from"))
    kind, member = members.get("type"), members.get("from", name)
    if kind not in TYPES:
        raise ImportedFileError(f"{where}: type is {kind!r}; give one of {', '.join(TYPES)}")
    if not isinstance(member, str):
        raise ImportedFileError(f"{where}: from is {member!r}; put quotes around it")
    return ObjectColumn(_name(name, "column"), str(kind), member)


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ImportedFileError(
            f"{what} is {value!r}; use lower-case letters, digits and '_', a letter first, at most 50"
        )
    return value


def _members(body: object, where: str, allowed: tuple[str, ...] | None) -> dict[str, object]:
    if not isinstance(body, dict) or not body or not all(isinstance(key, str) for key in body):
        raise ImportedFileError(f"{where}: expected names with values")
    for key in body:
        if allowed is not None and key not in allowed:
            near = difflib.get_close_matches(key, allowed, 1)
            hint = f"did you mean {near[0]!r}" if near else f"known are {', '.join(allowed)}"
            raise ImportedFileError(f"{where}: unknown key {key!r}; {hint}")
    return body
