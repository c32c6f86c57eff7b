"""Who asks the published models: what the cards of the Usage page read.

Neither log is part of the warehouse, so these relations are made anew for each build, in memory, from what the caller
read of the logs. A log that tells nothing is unknown: it has no rows, and no card makes a zero of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

import duckdb
import pyarrow as pa

SCHEMA: Final = "usage"
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "usage.usage_sources": {
        "source": "text",
        "is_known": "boolean",
        "words": "text",
        "since_at": "timestamptz",
        "as_of": "timestamptz",
    },
    "usage.usage_queries": {
        "query_id": "bigint",
        "source": "text",
        "user_name": "text",
        "asked_at": "timestamptz",
        "seconds": "double precision",
        "is_answered": "boolean",
    },
    "usage.usage_reads": {"query_id": "bigint", "relation": "text"},
    "usage.usage_models": {"relation": "text", "owner": "text", "card_count": "bigint"},
}
RELATIONS: Final = {relation.partition(".")[2]: relation for relation in COLUMNS}


@dataclass(frozen=True, slots=True)
class Asked:
    """One query: by whom, when, for how long, and which relations it read. Never its text."""

    user: str
    at: datetime
    seconds: float
    answered: bool
    relations: Sequence[str]


@dataclass(frozen=True, slots=True)
class Log:
    """What one log tells since when; where it tells nothing `since` is None, and `words` say why."""

    source: str
    words: str
    since: datetime | None = None
    asked: Sequence[Asked] = ()


class UsageConnection:
    """The room's Protocol on the relations of usage."""

    def __init__(self, logs: Iterable[Log], models: Iterable[tuple[str, str, int]], as_of: datetime) -> None:
        """`models` are (relation, owner, number of cards); `as_of` is the time up to which the logs were read."""
        self._connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": "false"})
        self._connection.execute(f"set TimeZone = 'UTC'; create schema {SCHEMA}")
        for relation, columns in COLUMNS.items():
            listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            self._connection.execute(f"create table {relation} ({listed})")
        sources: list[tuple[object, ...]] = []
        queries: list[tuple[object, ...]] = []
        reads: list[tuple[object, ...]] = []
        for log in logs:
            sources.append((log.source, log.since is not None, log.words, log.since, as_of))
            for one in log.asked:
                queries.append((len(queries), log.source, one.user, one.at, one.seconds, one.answered))
                reads.extend((len(queries) - 1, relation) for relation in dict.fromkeys(one.relations))
        self._fill("usage.usage_sources", sources)
        self._fill("usage.usage_queries", queries)
        self._fill("usage.usage_reads", reads)
        self._fill("usage.usage_models", list(models))

    def _fill(self, relation: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        names = list(COLUMNS[relation])
        table = pa.table({name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})
        self._connection.register("_rows", table)
        self._connection.execute(f"insert into {relation} by name select * from _rows")
        self._connection.unregister("_rows")

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Run one query and return its whole result."""
        return self._connection.sql(sql, params=dict(parameters) if parameters else None).to_arrow_table()

    def interrupt(self) -> None:
        """Stop the query that runs, from another thread."""
        self._connection.interrupt()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
