"""Looks at the models: what failed in the last build, which promise is broken, how old marts are, which card fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dashboards.catalogue import LAST_BUILD, Result, last_results
from orchestration.downstream import Downstream, downstream
from orchestration.settings import Settings
from orchestration.walk.building import known_reaches
from orchestration.walk.doctor.check import HINT, PROBLEM, WARNING, Check, few, well
from orchestration.walk.freshness import POLICIES, Lags
from orchestration.walk.observing import Document
from orchestration.walk.sites import CARDS_NOTE
from orchestration.walk.verification import CHECKS_NOTE, quality_directory

STALE, DAILY_STALE = POLICIES["marts"].fail, POLICIES["daily"].fail
_BAD = ("error", "fail", "runtime error")


def checks(settings: Settings, document: Document, *, runs: bool) -> Iterator[Check]:
    """Look at what builds wrote down. Marts that grow old are a problem where Flux is meant to run."""
    results = last_results(settings.dbt_directory / LAST_BUILD)
    known = downstream(settings)
    if results and known is not None:
        yield from _failing({name: result for name, result in results.items() if name in known.nodes}, known)
        yield from _stale(settings, document, results, known, runs=runs)
    yield from _promises(settings)
    yield from _cards(settings)


def _failing(results: dict[str, Result], known: Downstream) -> Iterator[Check]:
    broken, failing = [], []
    for unique_id, result in results.items():
        kind, name = unique_id.split(".")[0], unique_id.split(".")[2]
        if result.status not in _BAD:
            continue
        if kind == "test":
            subject = ", ".join(known.tested(unique_id)) or name
            failing.append(
                Check(
                    "test_failing", PROBLEM, f"the test {name} of {subject} finds {result.failures:,} rows",
                    f"flux models {subject.partition(', ')[0]}; nothing is published until it holds", name,
                )
            )  # fmt: skip
        else:
            broken.append(
                Check(
                    "model_failing", PROBLEM, f"{kind} {name} could not be built", f"flux build --select {name}", name
                )
            )
    yield from few(broken, "models could not be built")
    yield from few(failing, "tests of models fail")
    if not broken:
        yield well("model_failing", "all were built")
    if not failing:
        yield well("test_failing", "all hold")


def _stale(
    settings: Settings, document: Document, results: dict[str, Result], known: Downstream, *, runs: bool
) -> Iterator[Check]:
    """Tell of models that lack for too long what the source has: marts, and what is built once a day."""
    lags = Lags(settings, known_reaches(settings), document)
    level = PROBLEM if runs else HINT
    for rule, names, stale, what in (
        ("mart_stale", known.marts, STALE, "marts are older than six hours"),
        (
            "training_stale",
            known.daily,
            DAILY_STALE,
            "models of sets and audit are older than two days",
        ),
    ):
        old = []
        for unique_id in names:
            result = results.get(unique_id)
            lag = None if result is None else lags.of_cut(result.cut)
            if lag is not None and lag > stale.total_seconds():
                name = unique_id.split(".")[2]
                old.append(
                    Check(
                        rule, level, f"for {lag / 3600:,.1f} h the source has had changes that {name} lacks",
                        "see how the last runs ended, or build now: flux build", name,
                    )
                )  # fmt: skip
        yield from few(old, what, most=1)
        if not old:
            yield well(rule, "none lacks for longer than it may what the source has")


def _promises(settings: Settings) -> Iterator[Check]:
    directory = quality_directory(settings)
    if note := _read(directory / CHECKS_NOTE):
        yield Check(
            "checks_broken", PROBLEM, f"the {note['step']} checks could not be made: {note['error']}",
            "this says nothing of the data; FLUX_DEBUG=1 flux build shows the engine's words; see that packages are "
            "those of the lock (make install)",
        )  # fmt: skip
    else:
        yield well("checks_broken", "the checks at the borders can be made")
    entries = _read(directory / "index.json").values()
    broken = [
        Check(
            "promise_broken", PROBLEM if entry["status"] == "broken" else WARNING,
            f"{entry['relation']} does not keep {len(entry['broken'])} of {entry['rules']} promises: "
            f"{', '.join(entry['broken'][:3])}",
            f"see {str(directory / entry['page'])!r}", entry["relation"],
        )
        for entry in entries
        if entry["status"] != "kept"
    ]  # fmt: skip
    yield from few(broken, "relations do not keep their promises")
    if entries and not broken:
        yield well("promise_broken", f"{len(entries)} relations keep theirs")


def _cards(settings: Settings) -> Iterator[Check]:
    pages = _read(settings.home / CARDS_NOTE)
    failing = [
        Check(
            "card_failing", PROBLEM, f"{len(cards)} cards of the page {page!r} fail: {', '.join(cards[:5])}",
            "readers keep the last page that was whole; 'flux dashboards build' says what is wrong", page,
        )
        for page, cards in pages.items()
        if cards
    ]  # fmt: skip
    yield from few(failing, "pages have failing cards")
    if pages and not failing:
        yield well("card_failing", f"all cards of {len(pages)} pages hold")


def _read(path: Path) -> dict[str, Any]:  # Any: a JSON document of ours
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found
