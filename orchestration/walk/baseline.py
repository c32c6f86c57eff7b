"""From a training set to the proof that it is of use: the baseline, its figures and the page; by group for few eyes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import training
from orchestration.serving import Serving
from orchestration.settings import Settings
from orchestration.warehouse import Warehouse
from training.baseline import BaselineReport
from training.baseline import run_baseline as _run_baseline
from training.baseline.proxies import find_proxies
from training.baseline.slices import slices
from training.page import write_page
from training.page.page import baseline_path, write
from training.page.slices import write_slices

GROUPS = "restricted.int_match_subject_groups"
CATEGORIES = ("sex_category", "race_category")


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was found, the set's page, and the page by group where it was asked for."""

    report: BaselineReport
    page: Path
    restricted_page: Path | None


def run_baseline(
    settings: Settings,
    dataset: str,
    *,
    labels: Sequence[str] | None = None,
    restricted: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Baseline:
    """Train the baseline of a dataset of this home; writes its figures and page beside the dataset.

    With `restricted` also its figures by sex and race and the features that tell these, from the published copy that
    is for few eyes (of a Postgres warehouse: the schema itself), to a directory that its owner alone may open.
    """
    opened = training.open(dataset, settings.datasets_directory)
    groups = _groups(settings) if restricted else None
    report = _run_baseline(opened, labels=labels, progress=progress)
    write(baseline_path(opened), json.dumps(report.to_json(), indent=2, sort_keys=True) + "\n")
    page = write_page(opened)
    if groups is None:
        return Baseline(report, page, None)
    found = {one.label: {category: slices(one.scored, of) for category, of in groups.items()} for one in report.labels}
    directory = settings.restricted_path.with_name("protected_training")
    proxies = {category: find_proxies(opened, of) for category, of in groups.items()}
    return Baseline(report, page, write_slices(opened, found, proxies, directory))


def _groups(settings: Settings) -> dict[str, dict[str, str | None]]:
    """Read the group of each subject, by category."""
    restricted = (
        Serving(settings.warehouse) if settings.has_postgres_warehouse else Warehouse.open(settings.restricted_path)
    )
    with restricted as warehouse:
        rows = warehouse.arrow(f"select subject_key, {', '.join(CATEGORIES)} from {GROUPS}").to_pylist()
    return {category: {row["subject_key"]: row[category] for row in rows} for category in CATEGORIES}
