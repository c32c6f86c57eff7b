"""A replicated table as the warehouse knows it."""

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Self

from ingestion.warehouse.names import TEXT_SUFFIX, quote


class TableState(StrEnum):
    """Where a table stands; the words of `flux status`."""

    PENDING = "pending"
    COPYING = "copying"
    STREAMING = "streaming"
    RESYNCING = "resyncing"
    INEXACT = "inexact"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its name and declared type at the source, its name and type here. `has_text`: a sibling exists."""

    source_name: str
    attnum: int
    declared: str
    name: str
    type: str
    has_text: bool = False

    @property
    def text_name(self) -> str:
        """Name of the sibling that holds the text of values which the type cannot hold."""
        return self.name + TEXT_SUFFIX


@dataclass(frozen=True, slots=True)
class Table:
    """Mirror and history of one source table. `key` holds positions of the columns that identify a row.

    `snapshot_lsn`: the mirror began as the copy at this LSN; older changes are in the copy. Without `has_history`
    the mirror is all there is. `selection` tells by which selection its rows were let in (empty: as they are),
    `left_out` names columns that it does not let in.
    """

    source: str
    oid: int
    mirror_schema: str
    history_schema: str
    name: str
    columns: tuple[TableColumn, ...]
    key: tuple[int, ...]
    epoch: int
    snapshot_lsn: int
    state: TableState = TableState.STREAMING
    has_history: bool = True
    selection: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def relation(self) -> str:
        """The mirror's name as people write it."""
        return f"{self.mirror_schema}.{self.name}"

    @property
    def mirror(self) -> str:
        """Quoted name of the mirror."""
        return f"{quote(self.mirror_schema)}.{quote(self.name)}"

    @property
    def history(self) -> str:
        """Quoted name of the history."""
        return f"{quote(self.history_schema)}.{quote(self.name)}"

    @property
    def relations(self) -> tuple[str, ...]:
        """Quoted names of what it has: the mirror, and the history where one is kept."""
        return (self.mirror, self.history) if self.has_history else (self.mirror,)

    @property
    def key_names(self) -> list[str]:
        """Quoted names of the columns that identify a row, siblings included."""
        columns = [self.columns[i] for i in self.key]
        return [quote(name) for c in columns for name in ((c.name, c.text_name) if c.has_text else (c.name,))]

    @property
    def key_sources(self) -> frozenset[str]:
        """Names at the source of the columns that identify a row."""
        return frozenset(self.columns[i].source_name for i in self.key)

    def waits(self, epoch: int) -> bool:
        """Whether it waits for a copy that somebody has to ask for: in a new epoch capture copies all by itself."""
        return self.state is TableState.RESYNCING and self.epoch == epoch

    def with_text(self, positions: set[int]) -> Self:
        """The table with sibling columns for these columns, too."""
        columns = tuple(
            replace(column, has_text=column.has_text or position in positions)
            for position, column in enumerate(self.columns)
        )
        return replace(self, columns=columns)

    def shape(self) -> str:
        """Columns, key and selection as JSON, for `_flux.tables`."""
        told: dict[str, object] = {"columns": [asdict(column) for column in self.columns], "key": self.key}
        if self.selection:
            told |= {"selection": self.selection, "left_out": self.left_out}
        return json.dumps(told)

    def with_shape(self, text: str) -> Self:
        """The table with what `shape` wrote."""
        fields = json.loads(text)
        return replace(
            self,
            columns=tuple(TableColumn(**column) for column in fields["columns"]),
            key=tuple(fields["key"]),
            selection=fields.get("selection", ""),
            left_out=tuple(fields.get("left_out", ())),
        )
