"""A reading connection that notes what each query of a page's cards took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from dashboards.compile import Query
from dashboards.connection import Connection
from dashboards.loader import Definitions
from orchestration.costs.read_log import CARD, Reading
from orchestration.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class _Ran:
    seconds: float
    answered: bool
    rows: int
    scanned_bytes: int | None


@dataclass(frozen=True, slots=True)
class Meter:
    """What ran, by the text of the query."""

    ran: dict[str, list[_Ran]] = field(default_factory=dict)

    def on(self, connection: Connection) -> Connection:
        """Give a connection that is metered."""
        if isinstance(connection, Warehouse):
            connection.profile()
        return _Metered(connection, self.ran)

    def readings(self, definitions: Definitions, queries: Mapping[str, Query]) -> Iterator[Reading]:
        """Say of each card what its query took. Cards of one query run it one after the other, in this order."""
        for dashboard in definitions.dashboards:
            for card in dashboard.cards.values():
                query = queries[card.sql_name]
                runs = self.ran.get(query.sql)
                if runs:
                    one = runs.pop(0)
                    yield Reading(
                        kind=CARD,
                        name=f"{dashboard.key}.{card.key}",
                        reader=dashboard.key,
                        seconds=one.seconds,
                        answered=one.answered,
                        rows=one.rows,
                        scanned_bytes=one.scanned_bytes,
                        relations=query.relations,
                    )


class _Metered:
    """The dashboards' Protocol around a connection."""

    def __init__(self, connection: Connection, ran: dict[str, list[_Ran]]) -> None:
        self._connection, self._ran = connection, ran

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Run one query and return its whole result."""
        begun, rows, answered = time.perf_counter(), 0, False
        try:
            table = self._connection.arrow(sql, parameters)
            rows, answered = table.num_rows, True
            return table
        finally:
            scanned = self._connection.scanned_bytes() if isinstance(self._connection, Warehouse) and answered else None
            self._ran.setdefault(sql, []).append(_Ran(time.perf_counter() - begun, answered, rows, scanned))

    def interrupt(self) -> None:
        """Stop the query that runs, from another thread."""
        self._connection.interrupt()
