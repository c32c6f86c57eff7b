"""Run the asset graph in this process, against the instance that Dagster's UI shows, each step on the screen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from orchestration.dead_runs import bury_the_dead
from orchestration.errors import BuildError
from orchestration.event_store import quick_storage
from orchestration.screen import Screen, Step
from orchestration.settings import Settings

JOB = "everything"
TITLES = {
    "replicated_tables": "graph: capture and load tables",
    "event_tables": "graph: load events",
    "raw_segment__tracks_every_accepted_event_is_accounted_for": "graph: account of events",
    "landing": "graph: landing checks",
    "dbt_models": "graph: models and tests",
    "outgoing": "graph: outgoing checks",
    "verification": "graph: compare with the source",
    "published__warehouse": "graph: publish",
    "site": "graph: dashboards",
    "datasets__match": "graph: training set",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run: what was made, what was checked."""

    run_id: str
    materializations: list[dg.AssetMaterialization]
    checks: list[dg.AssetCheckEvaluation]


def run_graph(settings: Settings, definitions: dg.Definitions, screen: Screen) -> Outcome:
    """Run the whole graph. Raises BuildError naming the first step or check that failed."""
    job = definitions.resolve_job_def(JOB)
    with quick_storage(), dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance, _heard(screen):
        bury_the_dead(instance)
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, run_config={"loggers": {"steps": {"config": {}}}}
        )
        materializations = [
            event.step_materialization_data.materialization
            for event in result.all_events
            if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION
        ]
        checks = list(result.get_asset_check_evaluations())
        outcome = Outcome(result.run_id, materializations, checks)
        if not result.success:
            raise BuildError(_failure(settings, result, checks))
    return outcome


def _failure(settings: Settings, result: dg.ExecuteInProcessResult, checks: list[dg.AssetCheckEvaluation]) -> str:
    """Say what failed first: a step, else a check that blocks."""
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            words = data.user_failure_data.description if data.user_failure_data else None
            log = settings.logs_directory / "demo.log"
            return (
                f"step {event.step_key!r} failed: {' '.join((words or _cause(data.error)).split())}; see {str(log)!r}"
            )
    broken = [check for check in checks if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR]
    if broken:
        first = broken[0]
        name = f"{first.check_name} of {first.asset_key.to_user_string()}"
        return f"{len(broken)} checks failed, first {name}: {first.description or 'see Dagster'}"
    return f"the run {result.run_id} failed; 'flux up' shows it in Dagster"


def _cause(error: object) -> str:
    while getattr(error, "cause", None) is not None:
        error = error.cause  # type: ignore[attr-defined]
    return str(getattr(error, "message", error))


# The screen of the run that is under way; a logger is made by Dagster, which cannot be handed one.
_screens: list[_Steps] = []


@dg.logger(config_schema={}, description="Shows steps on the screen of 'flux demo'.")
def steps(context: dg.InitLoggerContext) -> logging.Logger:
    """Make the logger that hears of each step."""
    logger = logging.Logger("flux.steps")  # noqa: LOG001 - Dagster wants a logger of its own for each run
    logger.addHandler(_Handler())
    return logger


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if _screens:
            _screens[-1].hear(record)


class _Steps:
    """Steps on the screen, as their events come."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._open: dict[str, Step] = {}
        self._said = 0

    def hear(self, record: logging.LogRecord) -> None:
        """Take one record of the run: a step's begin or end, or what a step says."""
        meta = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is None:
            self._said += 1
            for step in self._open.values():
                step.update(self._said, note=str(meta.get("orig_message", "")))
        elif event.event_type == dg.DagsterEventType.STEP_START:
            self._said = 0
            title = TITLES.get(event.step_key, f"graph: {event.step_key}")
            self._open[event.step_key] = self._screen.begin(title, "")
        elif (
            event.event_type in (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE)
            and event.step_key in self._open
        ):
            self._open.pop(event.step_key).end(failed=event.event_type == dg.DagsterEventType.STEP_FAILURE)

    def end(self) -> None:
        """End what is still open: the run broke off."""
        for step in self._open.values():
            step.end(failed=True)


@contextmanager
def _heard(screen: Screen) -> Iterator[None]:
    heard = _Steps(screen)
    _screens.append(heard)
    try:
        yield
    finally:
        _screens.remove(heard)
        heard.end()
