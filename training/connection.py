"""What `training` asks of a warehouse: SQL in, Arrow out.

The caller builds the connection (on DuckDB, or on SQLAlchemy for the others) and answers for one thing:
all queries of one build see the same unchanged state. The build checks that by an accounting identity
and fails when rows came or went meanwhile.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

import pyarrow as pa


class Connection(Protocol):
    """Run one query and hand back all of its rows."""

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table: ...


@runtime_checkable
class BatchConnection(Connection, Protocol):
    """A connection that can also hand rows back piece by piece, so that memory stays bounded.

    The iterator is always read to its end or closed before the next query.
    """

    def arrow_batches(self, sql: str, parameters: Mapping[str, object] | None = None) -> Iterator[pa.RecordBatch]: ...


def batches(connection: Connection, sql: str) -> Iterator[pa.RecordBatch]:
    """Run `sql` and yield its rows in order, streamed where the connection can."""
    if isinstance(connection, BatchConnection):
        yield from connection.arrow_batches(sql)
    else:
        yield from connection.arrow(sql).to_batches()
