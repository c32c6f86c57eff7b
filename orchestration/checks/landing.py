"""The checks at the borders: is what arrived in the raw tables what the models rely on, and what leaves in its bounds.

Great Expectations runs them (its import costs seconds, so it happens in the first call, not at the import of this
module). One call checks any number of relations in one process; nothing is written to the warehouse.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import ischema_names

from orchestration.checks.contract import Contract, load_contracts
from orchestration.checks.history import with_history
from orchestration.checks.results import LandingResult

logger = logging.getLogger(__name__)


def run_landing_checks(
    warehouse: str | sa.URL | sa.Engine,
    contracts: Sequence[Contract] | None = None,
    *,
    data_docs: Path | None = None,
) -> list[LandingResult]:
    """Check contracts (default: all of landing.yaml) against a warehouse, in their order.

    `warehouse` is SQLAlchemy's URL or engine; a URL's file is opened by this call and closed again, an engine stays
    the caller's. A relation that does not exist is a failed result. With `data_docs` pages for people are written into
    that directory. Raises ChecksError when a check could not be made, whatever the data.
    """
    from orchestration.checks import validator  # imports Great Expectations
    from orchestration.checks.data_docs import DataDocs

    wanted = load_contracts() if contracts is None else list(contracts)
    docs = DataDocs(data_docs) if data_docs is not None else None
    with _engine(warehouse) as engine:
        results = validator.validate(engine, with_history(engine, wanted), docs.add if docs else None)
    if docs is not None:
        docs.write()
    for result in results:
        level = logging.INFO if result.success else logging.WARNING
        counts = (len(result.outcomes), len(result.failures), result.rows)
        logger.log(level, "relation=%s rules=%d broken=%d rows=%s", result.relation, *counts)
    return results


def engine_on(connection: Any) -> sa.Engine:  # Any: the driver's connection ships no types
    """Make an engine that works on an open DuckDB connection (its cursors), which stays the caller's.

    For a process that has the file open already: DuckDB refuses a second opening with other settings.
    """
    from duckdb_sqlalchemy import ConnectionWrapper

    return sa.create_engine(
        "duckdb://", creator=lambda: ConnectionWrapper(connection.cursor()), poolclass=sa.pool.NullPool
    )


@contextmanager
def _engine(warehouse: str | sa.URL | sa.Engine) -> Iterator[sa.Engine]:
    if isinstance(warehouse, sa.Engine):
        yield warehouse
        return
    # Opening a DuckDB file takes 27 ms, closing it 6: one connection is kept for all queries of the call.
    engine = sa.create_engine(warehouse, poolclass=sa.pool.QueuePool, pool_size=1)
    if engine.dialect.name == "duckdb":
        sa.event.listen(engine, "connect", _prepare)
    else:
        # `char(n)` without its n, as the load makes it: SQLAlchemy 2.1 does not know its name.
        ischema_names.setdefault("bpchar", sa.types.CHAR)
    try:
        yield engine
    finally:
        engine.dispose()


def _prepare(connection: Any, record: object) -> None:  # Any: the driver's connection ships no types
    connection.execute("SET TimeZone='UTC'")
    # A missing extension would be looked for in the network, 0.6-2 s a try.
    connection.execute("SET autoinstall_known_extensions=false")
