"""One `dbt build` in this process, each node's result handed over as it ends.

The caller holds the warehouse's lease. dbt keeps its connections open after a run; they are closed here, since the
next owner of a DuckDB file may be another process.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestration.errors import BuildError
from orchestration.models.project import adapter as adapter_of
from orchestration.models.project import arguments, complaint, parsed, set_environment
from orchestration.models.scanned import counted, take
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.models.standing import Standing

logger = logging.getLogger(__name__)

# Facts are tested for their own keys, so a row that landed twice is found all the same.
KEYS_OF_WHAT_LANDED = "staging,test_name:primary_key"
GOOD = ("success", "pass", "warn", "no-op")
_CHANGED = "flux_changed"  # a tag, in memory alone


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What became of one node. `status` is dbt's word: success, pass, warn, fail, error, skipped.

    One that did not run would only have been made again as it stands, or had passed on just these rows.
    """

    unique_id: str
    resource_type: str
    status: str
    seconds: float
    failures: int
    message: str
    invocation: str  # dbt's id of the run
    relation: str | None = None  # schema and name of what a model or seed makes
    scanned_bytes: int | None = None  # by `models.scanned`; None where the engine tells nothing
    ran: bool = True

    @property
    def good(self) -> bool:
        """Tell whether what depends on the node may go on."""
        return self.status in GOOD


def build(
    settings: Settings,
    *,
    select: Sequence[str] = (),
    full_refresh: bool = False,
    thorough: bool = True,
    standing: Standing | None = None,
    on_result: Callable[[NodeResult], None] = lambda result: None,
) -> list[NodeResult]:
    """Build the selected nodes (all when none is named) with their tests and return every result.

    With `full_refresh` incremental models are made anew from all rows. Where a build is not `thorough`, tests look of
    kept facts at the rows that it tells again, and keys of staging are left out. What is `standing` as this build would
    make it is left out, too; `select` then names models. `on_result` is called from dbt's threads, one call at a time.
    A failed model or test is a result, not an exception; raises BuildError when dbt could not run at all.
    """
    if standing is not None:
        return _build_changed(settings, standing, select, on_result)
    # A test that also reads what is not built now, nor made into it, would hold new rows against old ones.
    options = ["--select", *select, "--indirect-selection", "buildable"] if select else []
    if full_refresh:
        options.append("--full-refresh")
    if not thorough:
        options += ["--exclude", KEYS_OF_WHAT_LANDED]
    return _run(settings, options, thorough, on_result)


def _build_changed(
    settings: Settings, standing: Standing, select: Sequence[str], on_result: Callable[[NodeResult], None]
) -> list[NodeResult]:
    changed, unchanged = standing.unchanged(select)
    results = []
    for unique_id in sorted(unchanged):
        kind = unique_id.partition(".")[0]
        result = NodeResult(
            unique_id, kind, "pass" if kind == "test" else "success", 0.0, 0, "unchanged", "", ran=False
        )
        results.append(result)
        on_result(result)
    if not changed:
        return results
    with _tagged(settings, changed):
        options = ["--select", f"tag:{_CHANGED}", "--indirect-selection", "empty"]
        return [*_run(settings, options, False, on_result), *results]


@contextmanager
def _tagged(settings: Settings, nodes: Collection[str]) -> Iterator[None]:
    """Let a tag name these nodes: dbt finds hundreds of names by comparing each with each node."""
    manifest = parsed(settings)
    for unique_id in nodes:
        manifest.nodes[unique_id].tags.append(_CHANGED)
    try:
        yield
    finally:
        for unique_id in nodes:
            manifest.nodes[unique_id].tags.remove(_CHANGED)


def _run(
    settings: Settings, options: Sequence[str], thorough: bool, on_result: Callable[[NodeResult], None]
) -> list[NodeResult]:
    from dbt.cli.main import dbtRunner

    set_environment(settings)
    os.environ["DBT_CHECKS"] = "all" if thorough else "told"
    results: list[NodeResult] = []
    lock = threading.Lock()

    def hear(event: Any) -> None:  # Any: dbt's events are protobuf messages without types
        if event.info.name == "NodeFinished":
            result = _result(event.data, event.info.invocation_id)
            if not result.good and result.status != "skipped":
                logger.error("dbt node=%s status=%s: %s", result.unique_id, result.status, result.message)
            with lock:
                results.append(result)
                on_result(result)

    try:
        runner = dbtRunner(manifest=parsed(settings), callbacks=[hear])
        # Unit tests test the code and not the data: they run where the code changes, in `make test`.
        always = ["--no-write-json", "--exclude-resource-type", "unit_test"]
        with counted(adapter_of(settings)):
            outcome = runner.invoke([*arguments(settings, "build"), *always, *options])
    finally:
        close_connections()
    if outcome.exception is not None:
        raise BuildError(f"dbt could not run: {complaint(outcome.exception)}") from outcome.exception
    return results


def first_failure(results: Sequence[NodeResult]) -> str | None:
    """Say which node failed first and why, in one line; None when all went well."""
    bad = [result for result in results if not result.good]
    if not bad:
        return None
    first = next((result for result in bad if result.status != "skipped"), bad[0])
    text = " ".join(first.message.split())
    return f"{len(bad)} of {len(results)} dbt nodes failed or were skipped, first {first.unique_id}: {text}"


def close_connections() -> None:
    """Close every connection that dbt holds in this process, so that a DuckDB file can be opened elsewhere."""
    from dbt.adapters.factory import FACTORY

    for adapter in list(FACTORY.adapters.values()):
        for connection in list(adapter.connections.thread_connections.values()):
            if connection.handle is not None and connection.state == "open":
                connection.handle.close()
                connection.state = "closed"
        adapter.connections.thread_connections.clear()
    duckdb: Any = sys.modules.get("dbt.adapters.duckdb.connections")  # Any: its only way to close is to reach into it
    if duckdb is not None and duckdb.DuckDBConnectionManager._ENV is not None:
        duckdb.DuckDBConnectionManager._ENV.close()
        duckdb.DuckDBConnectionManager._ENV = None


def _result(data: Any, invocation: str) -> NodeResult:
    run = data.run_result
    unique_id = str(data.node_info.unique_id)
    kind, made = unique_id.partition(".")[0], data.node_info.node_relation
    return NodeResult(
        unique_id=unique_id,
        resource_type=kind,
        status=str(run.status),
        seconds=float(run.execution_time),
        failures=int(run.num_failures),
        message=str(run.message),
        invocation=str(invocation),
        relation=f"{made.schema}.{made.alias}" if kind in ("model", "seed") else None,
        scanned_bytes=take(),
    )
