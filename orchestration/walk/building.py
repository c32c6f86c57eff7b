"""Build the models: one stated cut, one dbt run, the warehouse held for just that long."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dashboards.catalogue import LAST_BUILD, Result, last_results
from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.lease import lease
from orchestration import models
from orchestration.checks.contract import OUTGOING, Contract, load_contracts
from orchestration.costs.gathering import gather
from orchestration.costs.recording import note_logs, record
from orchestration.errors import BuildError
from orchestration.settings import Settings
from orchestration.status import read_status
from orchestration.walk.freshness import Lags, Reach
from orchestration.walk.rows import table_rows
from orchestration.walk.sizes import table_bytes
from orchestration.walk.usage import metabase_reads
from orchestration.walk.verification import check_contracts, quality_directory
from training.chronicle import chronicle

Say = Callable[[str], None]

WHOLE_AT = dt.time(4, 30, tzinfo=dt.UTC)  # the first build from then on is of all models, once a day
MODEL_SCHEMAS = ("staging", "intermediate", "marts", "reporting", "ml", "restricted")


@dataclass(frozen=True, slots=True)
class Built:
    """A build: the cut it ran on, every node's result, rows and bytes of each of the models' tables.

    `lag_seconds` is for how long the source had changes, when the build ended, that are not in the cut.
    """

    cut_id: int
    results: Sequence[models.NodeResult]
    rows: Mapping[tuple[str, str], int]
    sizes: Mapping[tuple[str, str], int]
    lag_seconds: float


def refuse_what_broke_its_promise(settings: Settings) -> list[str]:
    """Raise BuildError when models would build on an inexact table, or on one that breaks its landing contract.

    Returns the warnings, a line each. In the graph blocking checks do this. Great Expectations is imported only where a
    table with a contract landed.
    """
    status = read_status(settings.status_path)
    if status and (inexact := [table.source for table in status.tables if not table.is_exact]):
        raise BuildError(f"not exact, so no models are built on them: {', '.join(inexact)}; 'flux status' tells why")
    return _refuse(settings, load_contracts(), "landing", "did not land as promised")


def refuse_what_must_not_leave(settings: Settings) -> list[str]:
    """Raise BuildError when a report or training table breaks its promise: nothing is published then.

    Returns the warnings, a line each.
    """
    return _refuse(settings, load_contracts(OUTGOING), "outgoing", "must not be published")


def _refuse(settings: Settings, contracts: Sequence[Contract], step: str, verdict: str) -> list[str]:
    schemas = {contract.relation.partition(".")[0] for contract in contracts}
    with (
        lease(settings.home, f"list of what the {step} checks read"),
        open_warehouse(settings.warehouse) as destination,
    ):
        landed = {".".join(key) for key in table_rows(destination.machinery.session, schemas)}
    wanted = [contract for contract in contracts if contract.relation in landed]
    results = check_contracts(settings, wanted, step) if wanted else []
    for result in results:
        if result.blocking:
            page = str(quality_directory(settings) / result.page)
            raise BuildError(f"{result.relation} {verdict}: {result.summary()}; see {page!r}")
    return [f"{result.relation}: {result.summary()}" for result in results if not result.success]


def build_models(
    settings: Settings,
    *,
    select: Sequence[str] = (),
    full_refresh: bool = False,
    anew: bool = False,
    say: Say = lambda text: None,
) -> Built:
    """Record a cut and build on it. Failed nodes are in the results; raises BuildError when dbt could not run.

    Waits for the lease, and holds it through the whole build: the models must not see the next load. All models are
    made and tests look at all rows once a day, after a build that did not end well, and in a full refresh. Else a build
    leaves out what it would only make again as it stands, unless it is wanted `anew` (`select` names models, then; with
    it also dbt's other words), and tests look of kept facts at the rows that it tells again
    (macros/incremental/checked_rows.sql).
    """
    began = dt.datetime.now(dt.UTC)
    gathered = gather(settings, metabase_reads(settings))
    models.warm(settings)
    with lease(settings.home, "build of the models"), ExitStack() as opened:
        thorough = full_refresh or is_whole_due(settings)
        whole_at = _begin(settings)
        destination = opened.enter_context(open_warehouse(settings.warehouse))
        cut_id, reach = destination.machinery.record_cut(), Reach.now(destination.machinery)
        destination.machinery.note_datasets([*_datasets(settings)])
        note_logs(destination, gathered)
        standing = models.look(settings, destination.machinery, cut_id)
        if not settings.has_postgres_warehouse:
            opened.close()  # dbt opens the file itself; a Postgres stays locked for other loaders as long as it builds
        say(f"building on cut {cut_id}")
        results = models.build(
            settings,
            select=select,
            full_refresh=full_refresh,
            thorough=thorough,
            standing=None if thorough or anew else standing,
            on_result=_Teller(say).hear,
        )
        if not settings.has_postgres_warehouse:
            destination = opened.enter_context(open_warehouse(settings.warehouse))
        session = destination.machinery.session
        destination.machinery.note_made(standing.after(results))
        # A Postgres reads a table to count it.
        counted = MODEL_SCHEMAS if settings.has_postgres_warehouse else None
        rows = table_rows(session, counted)
        sizes = table_bytes(session, MODEL_SCHEMAS, postgres=settings.has_postgres_warehouse)
        record(settings, destination, gathered, results, rows, models.manifest_path(settings))
        cut_at = str(session.execute("select clock_at from _flux.cuts where cut_id = $1", [cut_id])[0][0])
    if models.first_failure(results) is not None:
        whole_at = None
    elif thorough and not select:
        whole_at = began
    _remember(settings, cut_id, cut_at, reach, results, whole_at)
    return Built(cut_id, results, rows, sizes, Lags(settings).of(reach))


def _datasets(settings: Settings) -> Iterator[Sequence[object]]:
    """Give the chronicle of the training sets, for who asks the warehouse: a pull never takes the lease itself."""
    for event in chronicle(settings.datasets_directory):
        values = asdict(event)
        for moment in ("at", "as_of", "built_at"):
            values[moment] = dt.datetime.fromisoformat(values[moment])
        yield list(values.values())


def counts(results: Sequence[models.NodeResult]) -> dict[str, int]:
    """Count the nodes by kind and status, as `models success`, `tests pass` and `models unchanged`."""
    found = Counter(f"{result.resource_type}s {result.status if result.ran else 'unchanged'}" for result in results)
    return dict(sorted(found.items()))


def warnings(results: Sequence[models.NodeResult]) -> list[str]:
    """Name the tests that warn, with the number of rows that they found."""
    warned = (result for result in results if result.status == "warn")
    return [f"{result.unique_id.split('.')[2]}: {result.failures} rows" for result in warned]


def is_whole_due(settings: Settings, now: dt.datetime | None = None) -> bool:
    """Tell whether no build of all models that looked at all rows began since WHOLE_AT, or one failed since."""
    whole_at = last_build(settings).get("whole_at")
    return whole_at is None or dt.datetime.fromisoformat(whole_at) < last_morning(now)


def last_morning(now: dt.datetime | None = None) -> dt.datetime:
    """Give the last moment at which it was WHOLE_AT."""
    now = now or dt.datetime.now(dt.UTC)
    today = dt.datetime.combine(now.date(), WHOLE_AT)
    return today if today <= now else today - dt.timedelta(days=1)


def last_build(settings: Settings) -> dict[str, Any]:  # Any: JSON
    """Give what the last build wrote down (`_remember`); nothing before the first."""
    path = settings.dbt_directory / LAST_BUILD
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def known_reaches(settings: Settings) -> dict[int, Reach]:
    """Give the reach of each cut that the models of now are built on; none before the first build."""
    return {int(number): Reach.parse(told) for number, told in last_build(settings).get("reaches", {}).items()}


def _begin(settings: Settings) -> dt.datetime | None:
    """Give the time of that build and take it out of the file, so that a build that dies leaves none."""
    document = last_build(settings)
    whole_at = document.pop("whole_at", None)
    if whole_at is None:
        return None
    _write(settings.dbt_directory / LAST_BUILD, document)
    return dt.datetime.fromisoformat(whole_at)


def _remember(
    settings: Settings,
    cut_id: int,
    cut_at: str,
    reach: Reach,
    results: Sequence[models.NodeResult],
    whole_at: dt.datetime | None,
) -> None:
    """Write down what the last build did, and each node's newest result: a build may be of some nodes only.

    Of each cut that a result names its reach stays, by which `flux doctor` knows what is missing.
    """
    path = settings.dbt_directory / LAST_BUILD
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    known = {unique_id: asdict(result) for unique_id, result in last_results(path).items()}
    newest = {}
    for result in results:
        invocation = result.invocation if result.ran else known.get(result.unique_id, {}).get("invocation", "")
        newest[result.unique_id] = asdict(Result(result.status, result.failures, cut_id, cut_at, now, invocation))
    reaches = known_reaches(settings) | {cut_id: reach}
    told = {int(result["cut"]) for result in (known | newest).values()} | {cut_id}
    document = {
        "cut": cut_id,
        "reaches": {number: known_reach.to_json() for number, known_reach in reaches.items() if number in told},
        "nodes": counts(results),
        "built_at": now,
        "manifest": models.manifest_path(settings).name,
        "invocation": results[0].invocation if results else "",
        "whole_at": whole_at and whole_at.isoformat(),
        "results": known | newest,
    }
    _write(path, document)


def _write(path: Path, document: Mapping[str, object]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(document), encoding="utf-8")
    draft.replace(path)


class _Teller:
    """Passes on what fails, and of what goes well one line a second: each line is an event in Dagster's storage."""

    def __init__(self, say: Say) -> None:
        self._say, self._told, self._done = say, 0.0, 0

    def hear(self, result: models.NodeResult) -> None:
        self._done += 1
        if not result.good or time.monotonic() - self._told > 1.0:
            self._told = time.monotonic()
            self._say(f"{self._done} nodes done: {_line(result)}")


def _line(result: models.NodeResult) -> str:
    name = result.unique_id.split(".")[2]
    return f"{result.status} {result.resource_type} {name} ({result.seconds:.2f} s)"
