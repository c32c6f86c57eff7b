"""Policies of every step: who waits for whom, and what is tried again.

On DuckDB the steps that open the warehouse share a pool of one place: another process cannot even read the file. On
Postgres there is none: the lease alone orders who writes, and steps of a run are processes beside one another.

Tried again, four times after 5, 15, 45 and 135 seconds, is what mends itself: a source, a warehouse or a Metabase that
does not answer now, a DuckDB file that a stranger has open.
Everything else is an answer, the same the next time: a broken promise, a wrong right, a bug.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg
import duckdb
import psycopg
import sqlalchemy as sa

from dashboards.metabase.errors import MetabaseUnreachableError
from ingestion.errors import SourceCapacityError, SourceError, SourceUnreachableError
from orchestration.settings import Settings

MOST_RETRIES: Final = 4
_FIRST_SECONDS: Final = 5.0
_GROWTH: Final = 3.0
_ALWAYS: Final = (SourceUnreachableError, SourceCapacityError, MetabaseUnreachableError)
# No connection, one that broke off, a server that starts, stops or is full, a conflict that another try does not meet.
_STATES: Final = ("08", "57P", "53300", "40001", "40P01")


def warehouse_pool(settings: Settings) -> str | None:
    """Name the pool of steps that open the warehouse; None where they may run beside one another."""
    return None if settings.has_postgres_warehouse else "warehouse"


def executor(settings: Settings) -> dg.ExecutorDefinition:
    """Give what runs the steps of a run: one process on DuckDB, where a step in one of its own costs 3.5 s of start-up
    and two could not open the file; on Postgres a process a step, forked from one that has read the graph.
    """
    if not settings.has_postgres_warehouse:
        return dg.in_process_executor
    return dg.multiprocess_executor.configured(
        {"start_method": {"forkserver": {"preload_modules": ["orchestration.definitions"]}}},
        name="multiprocess",
    )


@contextmanager
def transient_errors_retried(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Iterator[None]:
    """Have the step tried again, later each time, when the block raises what mends itself."""
    try:
        yield
    except Exception as error:
        tries = context.op_execution_context.retry_number
        if tries >= MOST_RETRIES or not is_transient(error):
            raise
        context.log.warning("%s, which may mend itself: trying again", type(error).__name__)
        raise dg.RetryRequested(MOST_RETRIES, _FIRST_SECONDS * _GROWTH**tries) from error


def is_transient(error: BaseException | None) -> bool:
    """Tell whether another try may go well, by the error or by what it was raised from."""
    while error is not None:
        if isinstance(error, _ALWAYS):
            return True
        if isinstance(error, SourceError):
            return False
        if isinstance(error, duckdb.IOException) and "Could not set lock" in str(error):
            return True
        if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
            return True
        if isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08").startswith(_STATES):
            return True
        error = error.__cause__
    return False
