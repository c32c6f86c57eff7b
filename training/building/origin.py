"""What a dataset was made from, as far as this room cannot see it: evidence that the caller hands over.

None of it decides the rows, and none of it is an input of the id; it is what `verify` compares with the present.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from training.manifest import Cut

Tree = dict[str, Any]  # Any: a JSON tree


@dataclass(frozen=True, slots=True)
class Source:
    """A table that the relation was made from, as it was known at the as-of time.

    `rows` counts the changes of its history, or its events, up to then; the last of them is at `epoch` and `lsn` (a
    change) and `at`.
    """

    relation: str
    rows: int
    epoch: int | None
    lsn: int | None
    at: datetime | None

    def to_json(self) -> Tree:
        """Return it as plain JSON."""
        at = self.at and self.at.isoformat()
        return {"relation": self.relation, "rows": self.rows, "epoch": self.epoch, "lsn": self.lsn, "at": at}


@dataclass(frozen=True, slots=True)
class Origin:
    """Evidence of one build.

    `position` is what the as-of time resolves to by the warehouse's clock. `models` gives each model and macro that the
    relation is made by its checksum, `manifest` is dbt's. `code` and `run` say which code built it and which run.
    `meanings` describes columns where the specification does not. `asked` is how the specification was named.
    `state` is a word for the state of the warehouse: with it, a build that was killed goes on where it was, as long as
    the state is the same.
    """

    position: Cut | None = None
    sources: tuple[Source, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    manifest: Path | None = None
    code: Mapping[str, str] = field(default_factory=dict)
    run: Mapping[str, str] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    state: str | None = None

    def to_json(self) -> Tree:
        """Return what the manifest keeps of it, without the position, which is the dataset's cut."""
        return {
            "asked": dict(self.asked),
            "sources": [source.to_json() for source in self.sources],
            "lineage": {"models": dict(sorted(self.models.items())), "code": dict(self.code), "run": dict(self.run)},
        }
