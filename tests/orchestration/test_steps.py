"""What is tried again, and what is not; what shares a pool."""

import dataclasses
from pathlib import Path

import dagster as dg
import duckdb
import psycopg
import pytest

from dashboards.metabase.errors import MetabaseUnreachableError
from ingestion.errors import LoadError, SourceLoginError, SourceRightsError, SourceUnreachableError
from orchestration.defs import steps
from orchestration.errors import BuildError
from orchestration.settings import Settings


def raised(error: Exception, cause: Exception | None) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (SourceUnreachableError("no route"), True),
        (MetabaseUnreachableError("no answer"), True),
        (raised(LoadError("broke off"), psycopg.errors.AdminShutdown("shut down")), True),
        (raised(LoadError("no warehouse"), psycopg.OperationalError("connection refused")), True),
        (duckdb.IOException("Could not set lock on file"), True),
        (raised(SourceLoginError("refused"), psycopg.OperationalError("password")), False),
        (SourceRightsError("no right"), False),
        (raised(LoadError("full"), psycopg.errors.DiskFull("no space")), False),
        (BuildError("did not land as promised"), False),
        (ValueError("a bug"), False),
    ],
)
def test_only_what_mends_itself_is_tried_again(error: Exception, again: bool) -> None:
    assert steps.is_transient(error) is again


def attempts(errors: list[Exception | None], monkeypatch: pytest.MonkeyPatch) -> tuple[int, bool]:
    """Run a step that meets these errors, one after the other, without the pauses; how often it ran, whether well."""
    monkeypatch.setattr(steps, "_FIRST_SECONDS", 0.0)
    ran: list[Exception | None] = []

    @dg.asset
    def step(context: dg.AssetExecutionContext) -> None:
        with steps.transient_errors_retried(context):
            error = errors[len(ran)]
            ran.append(error)
            if error is not None:
                raise error

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([step], instance=instance, raise_on_error=False)
    return len(ran), result.success


def test_step_whose_source_comes_back_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    away = SourceUnreachableError("no route")
    assert attempts([away, away, None], monkeypatch) == (3, True)
    assert attempts([away] * 9, monkeypatch) == (1 + steps.MOST_RETRIES, False)


def test_step_that_fails_for_good_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attempts([BuildError("the same the next time")] * 9, monkeypatch) == (1, False)


def test_pauses_grow_and_end_within_four_minutes() -> None:
    pauses = [steps._FIRST_SECONDS * steps._GROWTH**tries for tries in range(steps.MOST_RETRIES)]
    assert pauses == [5, 15, 45, 135]


def test_duckdb_has_one_pool_and_one_process_and_postgres_neither(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    on_postgres = dataclasses.replace(settings, warehouse_url="postgresql://127.0.0.1/w")
    assert (steps.warehouse_pool(settings), steps.executor(settings).name) == ("warehouse", "in_process")
    assert (steps.warehouse_pool(on_postgres), steps.executor(on_postgres).name) == (None, "multiprocess")
