"""The selection: what an operator lets out of the source, and in which form. Values only; `reader` makes them.

A table is *classified* when the selection names its columns. Of such a table a column that is not named stays out. A
table that is not classified is as it is at the source, or stays out altogether (`unlisted`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from ingestion.selection.hash_key import HashKey

EVERYTHING: Final = "*"


class Class(StrEnum):
    """What a column tells of people: nothing, who they are, or what may not count (GDPR, article 9)."""

    PUBLIC = "public"
    PERSONAL = "personal"
    PROTECTED = "protected"


class Treatment(StrEnum):
    """The form in which a column's values land."""

    KEEP = "keep"
    HASH = "hash"
    MASK = "mask"
    DROP = "drop"


class LeftOutBy(StrEnum):
    """Who leaves columns out: the publication's column list, so that the log never holds them, or the load."""

    PUBLICATION_OR_LOAD = "publication-or-load"
    PUBLICATION = "publication"
    LOAD = "load"


# A public column lands as it is; a personal one does not land unless somebody says how; a protected one lands apart.
DEFAULTS: Final = MappingProxyType(
    {Class.PUBLIC: Treatment.KEEP, Class.PERSONAL: Treatment.DROP, Class.PROTECTED: Treatment.KEEP}
)


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """Class and treatment of a column."""

    kind: Class
    treatment: Treatment

    @property
    def lands(self) -> bool:
        """Whether its values reach the warehouse in any form."""
        return self.treatment is not Treatment.DROP


@dataclass(frozen=True, slots=True)
class TableRule:
    """What leaves of one table. `columns` None: all, as they are. `rows`: a condition in SQL that rows must meet."""

    columns: Mapping[str, ColumnRule] | None = None
    rows: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What leaves the source. Without a file: everything, as it is.

    Patterns are of `schema.table`, with * and ?; an excluded table stays out whatever includes it. `unlisted`: whether
    tables that `tables` does not name replicate. `key` is there where some column is hashed.
    """

    include: tuple[str, ...] = (EVERYTHING,)
    exclude: tuple[str, ...] = ()
    tables: Mapping[str, TableRule] = field(default_factory=dict)
    unlisted: bool = True
    left_out_by: LeftOutBy = LeftOutBy.PUBLICATION_OR_LOAD
    key: HashKey | None = None

    def why_out(self, source: str) -> str | None:
        """Say why a table (`schema.table`) stays out; None: it does not."""
        if pattern := next((pattern for pattern in self.exclude if fnmatchcase(source, pattern)), None):
            return f"the selection excludes {pattern!r}"
        if not any(fnmatchcase(source, pattern) for pattern in self.include):
            return "no pattern of the selection includes it"
        if source not in self.tables and not self.unlisted:
            return "the selection does not classify it"
        return None

    def columns(self, source: str) -> Mapping[str, ColumnRule] | None:
        """Give the rules of a table's columns; None: it is not classified, all are as they are."""
        rule = self.tables.get(source)
        return rule.columns if rule is not None else None

    def rows(self, source: str) -> str | None:
        """Give the condition of a table's rows."""
        rule = self.tables.get(source)
        return rule.rows if rule is not None else None

    def digest(self, source: str) -> str:
        """Tell what is selected of a table from what was before; empty: the table is as it is."""
        columns, rows = self.columns(source), self.rows(source)
        if columns is None and rows is None:
            return ""
        rules = {name: (rule.kind.value, rule.treatment.value) for name, rule in (columns or {}).items()}
        hashed = any(rule.treatment is Treatment.HASH for rule in (columns or {}).values())
        key = self.key.fingerprint if hashed and self.key is not None else ""
        told = json.dumps([None if columns is None else rules, rows, key], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]
