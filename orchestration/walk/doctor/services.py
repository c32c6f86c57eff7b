"""Looks at the processes: capture, collector, loader, Dagster's daemon, and how its last runs ended.

Where Flux is meant to run (`flux up`, `flux alerts watch`) a process that does not is a problem; else it is a hint, or
a warning where the source waits for it.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

from ingestion.log.directory import segment_numbers
from orchestration.locks import holder, is_held
from orchestration.ports import LOOPBACK
from orchestration.settings import Settings
from orchestration.walk.doctor.check import HINT, PROBLEM, WARNING, Check, well
from orchestration.walk.health import loads
from orchestration.walk.observing import Document

_SECONDS = 5.0


def checks(settings: Settings, document: Document, *, runs: bool) -> Iterator[Check]:
    """Look at each process; `runs` says that Flux is meant to run now."""
    if is_held(settings.up_lock):
        yield well("capture_down", holder(settings.up_lock), subject="flux up")
    if is_held(settings.capture_lock):
        yield well("capture_down", "runs")
    else:
        yield Check(
            "capture_down", PROBLEM if runs else WARNING, "the capture does not run: the source keeps WAL for it",
            "'flux up' or 'flux replicate --follow' runs it",
        )  # fmt: skip
    if segment_numbers(settings.log_directory / "events"):
        yield _collector(settings, runs=runs)
    if loads(settings):
        yield well("loader_down", "it runs, or somebody loaded a moment ago")
    else:
        yield Check(
            "loader_down", PROBLEM if runs else WARNING, "the loader does not run",
            "'flux up', 'flux load --follow' or 'flux replicate' loads",
        )  # fmt: skip
    if (settings.dagster_home / "dagster.yaml").exists():
        from orchestration.walk.doctor import dagster_state  # Dagster's import costs seconds

        yield from dagster_state.checks(settings, runs=runs)


def _collector(settings: Settings, *, runs: bool) -> Check:
    base = settings.collect_url or f"http://{LOOPBACK}:{settings.collect_port}"
    mend = "'flux up' or 'flux collect' runs it; SDKs keep events for a while and send them again"
    try:
        with urllib.request.urlopen(base.rstrip("/") + "/health", timeout=_SECONDS):  # noqa: S310 - ours
            return well("collector_down", "it answers, and its log takes events")
    except urllib.error.HTTPError as error:
        what = f"the collector answers {error.code}: its log takes no events"
        return Check("collector_down", PROBLEM, what, "look at the log's disk, and at what it says")
    except OSError:
        return Check("collector_down", PROBLEM if runs else HINT, "the collector does not answer", mend)
