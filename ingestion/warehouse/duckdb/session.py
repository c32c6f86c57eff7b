"""A DuckDB connection as the loader's session."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.errors import LoadError, WarehouseError
from ingestion.warehouse.duckdb.connection import make_wal_private


@dataclass(frozen=True, slots=True)
class DuckdbSession:
    """Speaks to DuckDB. See `ingestion.warehouse.session` for what each method promises."""

    connection: duckdb.DuckDBPyConnection
    _brought: dict[str, pa.Table] = field(default_factory=dict)
    _file: Path | None = field(init=False)

    def __post_init__(self) -> None:
        named = "select path from duckdb_databases() where database_name = current_database()"
        ((path,),) = self.connection.execute(named).fetchall()
        object.__setattr__(self, "_file", Path(path) if path else None)  # frozen; None: in memory

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        # DuckDB finds these by name among the variables of this frame (a replacement scan). A registered view would
        # keep its rows until the transaction ends: 60 MB for each part of a large one (measured 2026-11).
        _rows, _ticks = self._brought.get("_rows"), self._brought.get("_ticks")
        try:
            return self.connection.execute(statement, list(parameters) or None).fetchall()
        except (duckdb.DataError, duckdb.InvalidInputException) as error:
            # Its own words quote the value that it stumbled over: they go no further.
            raise LoadError(f"DuckDB refuses a value ({type(error).__name__})") from None
        except duckdb.OutOfMemoryException as error:
            raise WarehouseError(
                "DuckDB needs more memory than it may take (some values are very long, or the disk for what does not "
                "fit is full); raise FLUX_LOADER_MEMORY_BYTES, or free space beside the warehouse"
            ) from error
        except (duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
            raise LoadError(str(error).splitlines()[0]) from error

    def bring(self, name: str, rows: pa.Table) -> None:
        assert name in ("_rows", "_ticks"), "see execute"
        self._brought[name] = rows

    def forget(self, name: str) -> None:
        del self._brought[name]

    def keep(self, name: str, query: str, types: Mapping[str, str] | None = None) -> None:
        self.execute(f"create or replace temp table {name} as {query}")

    def columns(self, schema: str, relation: str) -> dict[str, str]:
        rows: list[Any] = self.execute(
            "select column_name, data_type from duckdb_columns() "
            "where database_name = current_database() and schema_name = $1 and table_name = $2 order by column_index",
            [schema, relation],
        )
        return dict(rows)

    def canonical(self, type_name: str) -> str:
        return str(self.execute(f"select typeof(cast(null as {type_name}))")[0][0])

    def time_from_text(self, expression: str) -> str:
        return f"try_cast({expression} as timestamptz)"

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Open a transaction, commit it at the end, roll it back when an exception leaves it."""
        if self._file is not None:
            make_wal_private(self._file)
        self.connection.execute("begin")
        try:
            yield
            self.connection.execute("commit")
        except BaseException:
            with suppress(duckdb.TransactionException):  # a commit that failed has ended it
                self.connection.execute("rollback")
            raise
