"""The dictionary of metrics, `docs/metrics.md`, made from the metric layer: python -m orchestration.models.dictionary.

What each metric means, who answers for it, where its columns are and which cards of the dashboards show it. With
`--columns` the same words as dbt's docs blocks, `dbt_project/models/metrics.md`, which describe the metrics' columns.
A test compares both files with what this prints.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

import dashboards
from dashboards.loader import load_definitions
from dashboards.metrics import BETTER, Metric, load_metrics
from dashboards.uses import Place, by_metric
from orchestration.models.project import project_directory

HEAD = """\
# Metrics

What each number means, who answers for it, and what to beware of. Change `dbt_project/metrics.yml` (words) or
`vars.metrics` of `dbt_project/dbt_project.yml` (formulas), not this page, and make it anew:
`python -m orchestration.models.dictionary > docs/metrics.md`.
The same words describe columns: `python -m orchestration.models.dictionary --columns > dbt_project/models/metrics.md`.
A ratio over several rows is the ratio of its summed columns, never a mean of ratios.
[models.md](models.md) says how to add a metric, [analysts.md](analysts.md) how to ask.
"""


def dictionary() -> str:
    """Write the page."""
    metrics = load_metrics(project_directory())
    places = by_metric(load_definitions(Path(dashboards.__file__).parent / "definitions", metrics))
    lines = [HEAD, "| metric | in short | owner |", "|---|---|---|"]
    lines += [f"| [{name}](#{name}) | {metric.label} | {metric.owner} |" for name, metric in metrics.items()]
    for metric in metrics.values():
        lines += ["", *_entry(metric, places.get(metric.name, ()))]
    return "\n".join(lines) + "\n"


def column_texts() -> str:
    """Write the docs blocks of the columns that hold metrics, each named after its metric."""
    blocks = ["<!-- Made by python -m orchestration.models.dictionary --columns; change metrics.yml instead. -->"]
    for name, metric in load_metrics(project_directory()).items():
        if metric.column_name is not None:
            formula, caveats = metric.formula.words(), metric.caveats
            words = [f"{metric.label}. {metric.definition}", *([f"As a formula: {formula}."] if formula else [])]
            words += [f"Beware: {caveats}"] if caveats else []
            blocks += ["", f"{{% docs metric_{name} %}}{' '.join(words)}{{% enddocs %}}"]
    return "\n".join(blocks) + "\n"


def _entry(metric: Metric, places: Sequence[Place]) -> list[str]:
    facts: Mapping[str, str | None] = {
        "Owner": metric.owner,
        "Formula": metric.formula.words(),
        "Source": ", ".join(f"`{model}`" for model in metric.models) + _column(metric),
        "Grain": metric.grain,
        "Unit": f"{metric.unit}; {BETTER[metric.better]}",
        "Beware": metric.caveats,
        "Shown": "; ".join(f"{place.page}: {place.card.title}" for place in places) or None,
    }
    return [
        f"## {metric.name}",
        "",
        f"{metric.label}. {metric.definition}",
        "",
        *(f"- {name}: {fact}" for name, fact in facts.items() if fact is not None),
    ]


def _column(metric: Metric) -> str:
    if metric.column_name is None:
        return ", computed where it is shown"
    return "" if metric.column_name == metric.name else f", column `{metric.column_name}`"


if __name__ == "__main__":
    click.echo(column_texts() if sys.argv[1:] == ["--columns"] else dictionary(), nl=False)
