"""The metric layer as cards see it: `{{ metric('name') }}` becomes its formula, `metric: name` its words.

Formulas are `vars.metrics` of the models' project file, words are `metrics.yml` beside it: each stands there once, and
the models' macros `metric` and `metric_of_sums` spell the same text (a test compares).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from dashboards.errors import DefinitionError, did_you_mean
from dashboards.model import Better
from dashboards.yaml_reader import LOADER, YamlFile

_TAG = re.compile(r"\{\{\s*(metric|metric_of_sums)\(\s*'(\w+)'\s*(?:,\s*'(\w+)'\s*)?\)\s*\}\}")
_COLUMN = re.compile(r"[a-z_][a-z0-9_]*")
BETTER: Mapping[Better, str] = {"up": "higher is better", "down": "lower is better", "neutral": "neither is better"}


@dataclass(frozen=True, slots=True)
class Formula:
    """How a metric is computed from columns: a ratio, a percentile, a plain formula, or an index and its weight."""

    numerator: str | None = None
    denominator: str | None = None
    percentile: float | None = None
    column: str | None = None
    formula: str | None = None
    mean: str | None = None
    weight: str | None = None

    def words(self) -> str | None:
        """Write it for people, columns between backquotes; None when the model alone knows it."""
        if self.percentile is not None:
            return f"percentile {self.percentile} of `{self.column}`"
        if self.mean is not None:
            return f"`{self.mean}`, computed by its model; over several rows their mean weighted by `{self.weight}`"
        if self.numerator is not None:
            return f"`{self.numerator}` / `{self.denominator}`"
        return f"`{self.formula}`" if self.formula is not None else None

    @property
    def columns(self) -> set[str]:
        """Names that the formula reads."""
        parts = (self.numerator, self.denominator, self.column, self.formula, self.mean, self.weight)
        return {name for part in parts if part is not None for name in _COLUMN.findall(part)}

    def sql(self, of: str = "", *, sums: bool = False) -> str:
        """Spell it over the columns of one row, or (`sums`) over a group. ValueError: a percentile has no sums."""
        if self.percentile is not None and self.column is not None:
            if sums:
                raise ValueError("is a percentile: it cannot be made of sums")
            ordered = _columns(self.column, of)
            return f"cast(percentile_cont({self.percentile}) within group (order by {ordered}) as double precision)"
        if self.numerator is not None and self.denominator is not None:
            above, below = _columns(self.numerator, of, sums), _columns(self.denominator, of, sums)
            return f"cast({above} as double precision) / nullif({below}, 0)"
        if self.mean is not None and self.weight is not None:
            index, weight = _columns(self.mean, of), _columns(self.weight, of)
            weighed = f"cast(sum({index} * {weight}) as double precision) / nullif(sum({weight}), 0)"
            return weighed if sums else index
        if self.formula is None:
            raise ValueError("has no formula")
        return _columns(self.formula, of, sums)


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of a metric."""

    name: str
    label: str
    owner: str
    definition: str
    models: tuple[str, ...]
    grain: str
    unit: str
    better: Better
    column: str | None = None
    """Its name in the models when that is another one; `none` when it is computed where it is shown."""
    caveats: str | None = None
    formula: Formula = Formula()

    @property
    def column_name(self) -> str | None:
        """Column of the models that holds it, None when no model does."""
        return None if self.column == "none" else self.column or self.name


def load_metrics(project: Path) -> dict[str, Metric]:
    """Read `metrics.yml` and the formulas of the project; raise DefinitionError at the first mistake."""
    words = YamlFile(project / "metrics.yml")
    text = (project / "dbt_project.yml").read_text(encoding="utf-8")
    variables = yaml.load(text, Loader=LOADER)["vars"]  # noqa: S506 - it is the safe one
    formulas = {name: Formula(**formula) for name, formula in variables["metrics"].items()}
    found = {}
    for name, (_, node) in words.mapping(words.root, "the metrics").items():
        found[name] = words.read(node, Metric, f"metric {name!r}", name=name, formula=formulas.pop(name, Formula()))
    if formulas:
        raise words.error(words.root, f"metric {min(formulas)!r} has a formula and no words here")
    return found


def expand(text: str, metrics: Mapping[str, Metric], *, path: Path) -> str:
    """Replace each metric's tag by its formula, on one line, so that lines still count. Leaves other tags alone."""

    def replace(match: re.Match[str]) -> str:
        tag, name, of = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        if name not in metrics:
            raise DefinitionError(f"metric {name!r} does not exist{did_you_mean(name, metrics)}", path=path, line=line)
        try:
            return metrics[name].formula.sql(of or "", sums=tag == "metric_of_sums")
        except ValueError as error:
            raise DefinitionError(f"metric {name!r} {error}", path=path, line=line) from error

    return _TAG.sub(replace, text)


def named(text: str) -> set[str]:
    """Names of the metrics that a card's SQL spells."""
    return {match.group(2) for match in _TAG.finditer(text)}


def _columns(formula: str, of: str, sums: bool = False) -> str:
    column = rf"{of}.\g<0>" if of else r"\g<0>"
    return _COLUMN.sub(f"sum({column})" if sums else column, formula)
