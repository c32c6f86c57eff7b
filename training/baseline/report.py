"""What the baseline found, as JSON says it: figures of measures only, never a value of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.baseline.bootstrap import Estimate
from training.baseline.measures import Bin
from training.baseline.slices import Scored

TOO_GOOD = 0.95  # a ROC AUC that no honest column gives: people are not so predictable


@dataclass(frozen=True, slots=True)
class Influence:
    """What one input does: how much worse the test rows are ranked without it, and the way it points.

    `loss_of_auc` is the fall of the ROC AUC when the input is shuffled among the rows; `coefficients` are those of the
    logistic regression, for one standard deviation, by column of its matrix. Texts have none: a value may be telling.
    """

    name: str
    loss_of_auc: float
    coefficients: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LabelReport:
    """The comparison for one label on the test split. `margins` are model less popularity (log loss: the reverse)."""

    label: str
    rows: Mapping[str, int]
    positives: Mapping[str, int]
    model: str
    popularity: str
    figures: Mapping[str, Mapping[str, Estimate]]  # by model, then measure
    margins: Mapping[str, Estimate]
    influences: Sequence[Influence]
    reliability: Sequence[Bin]
    calibration_error: float
    scored: Scored = field(repr=False, compare=False)  # for slices; in no document

    @property
    def beats_popularity(self) -> bool:
        """Whether each margin is above zero in 95 of 100 draws of people."""
        return all(one.least > 0 for one in self.margins.values())

    @property
    def suspect(self) -> str | None:
        """The input that probably knows the future, where the model is too good to be true."""
        is_too_good = self.figures[self.model]["roc_auc"].value > TOO_GOOD
        return self.influences[0].name if is_too_good and self.influences else None

    def to_json(self) -> dict[str, Any]:  # Any: a JSON tree
        return {
            "label": self.label,
            "rows": dict(self.rows),
            "positives": dict(self.positives),
            "model": self.model,
            "popularity": self.popularity,
            "beats_popularity": self.beats_popularity,
            "suspect": self.suspect,
            "figures": {
                name: {measure: one.to_json() for measure, one in found.items()} for name, found in self.figures.items()
            },
            "margins": {measure: one.to_json() for measure, one in self.margins.items()},
            "influences": [
                {
                    "name": one.name,
                    "loss_of_auc": round(one.loss_of_auc, 6),
                    "coefficients": {name: round(value, 6) for name, value in one.coefficients.items()},
                }
                for one in self.influences
            ],
            "reliability": [
                {name: value if name == "rows" else round(value, 6) for name, value in one._asdict().items()}
                for one in self.reliability
            ],
            "calibration_error": round(self.calibration_error, 6),
        }


@dataclass(frozen=True, slots=True)
class BaselineReport:
    """All labels that could be learned, and why others could not."""

    dataset: str
    labels: Sequence[LabelReport]
    skipped: Mapping[str, str]
    tools: Mapping[str, str]
    seconds: float

    def to_json(self) -> dict[str, Any]:  # Any: a JSON tree
        return {
            "dataset": self.dataset,
            "labels": [one.to_json() for one in self.labels],
            "skipped": dict(self.skipped),
            "tools": dict(self.tools),
            "seconds": round(self.seconds, 2),
        }
