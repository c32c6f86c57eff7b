"""The reading connection that training and dashboards receive: execute SQL, get Arrow. Built on SQLAlchemy.

Opens the published copy read-only, so that a reader never meets the loader's lock and a model never reads half a
build. Values are bound by name, `:client_id`; without parameters the text goes to the engine untouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa
import sqlalchemy as sa

from orchestration.errors import FluxError
from orchestration.models.scanned import scanned_bytes

if TYPE_CHECKING:
    from types import TracebackType

_BATCH_ROWS: Final = 61_440  # rows of a group of training.parts


class Warehouse:
    """One reading connection. Satisfies the Connection protocols of training and dashboards."""

    newest_cut = "select cut_id, epoch, lsn, clock_at as at, made_at from _flux.cuts order by cut_id desc limit 1"

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection = engine.connect()

    @classmethod
    def open(cls, path: Path) -> Warehouse:
        """Open a DuckDB file read-only. Raises FluxError when it is not there yet."""
        if not path.exists():
            raise FluxError(
                f"nothing is published at {str(path)!r} yet; run 'flux demo' or 'flux replicate --until-now'"
            )
        engine = sa.create_engine(
            sa.URL.create("duckdb", database=str(path)),
            connect_args={"read_only": True},
            poolclass=sa.pool.NullPool,
        )
        sa.event.listen(engine, "connect", _prepare)
        return cls(engine)

    def bound(self, memory_bytes: int, spill: Path) -> None:
        """Take at most so much memory, and put what does not fit into files below `spill`.

        Counts for all connections of this process to the file, for as long as one of them is open.
        """
        self.arrow(f"set memory_limit = '{memory_bytes}B'")
        if self.arrow("select current_setting('temp_directory') as place").to_pylist() != [{"place": str(spill)}]:
            self.arrow(f"set temp_directory = '{spill}'")

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Run one query and return its whole result. Raises the engine's own error for SQL it refuses."""
        relation = self._relation(sql, parameters)
        return pa.table({}) if relation is None else relation.to_arrow_table()

    def arrow_batches(self, sql: str, parameters: Mapping[str, object] | None = None) -> Iterator[pa.RecordBatch]:
        """Run one query and hand its rows back as they come, so that they never are in memory together."""
        relation = self._relation(sql, parameters)
        if relation is not None:
            yield from relation.to_arrow_reader(_BATCH_ROWS)

    def _relation(self, sql: str, parameters: Mapping[str, object] | None) -> Any:  # Any: as the driver
        bound = None
        if parameters:
            compiled = sa.text(sql).bindparams(**parameters).compile(dialect=self._engine.dialect)
            sql, bound = str(compiled), [parameters[name] for name in compiled.positiontup or ()]
        driver: Any = self._connection.connection.driver_connection  # DuckDB's own; SQLAlchemy hands rows, not Arrow
        return driver.sql(sql, params=bound)

    def profile(self) -> None:
        """Let the engine measure each query from now on."""
        self.arrow("set enable_profiling = 'no_output'")

    def scanned_bytes(self) -> int | None:
        """Give what the last query scanned (`models.scanned` says how that is counted); None without `profile`."""
        driver: Any = self._connection.connection.driver_connection
        profile = driver.get_profiling_information("json")
        return scanned_bytes(profile) if '"operator"' in profile else None

    def interrupt(self) -> None:
        """Stop the query that runs, from another thread."""
        driver: Any = self._connection.connection.driver_connection
        driver.interrupt()

    def state(self) -> str:
        """Name the state that is read: each publication is a file of its own."""
        file = Path(str(self._engine.url.database)).stat()
        return f"{file.st_ino}-{file.st_mtime_ns}"

    def tools(self) -> dict[str, str]:
        """Name the engine and its version."""
        return {"warehouse": f"duckdb {version('duckdb')}"}

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._connection.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _prepare(connection: Any, record: object) -> None:  # Any: the driver's connection ships no types
    connection.execute("SET TimeZone='UTC'")
    # A missing extension would be looked for in the network, 0.6-2 s a try.
    connection.execute("SET autoinstall_known_extensions=false")
