"""The two models of scikit-learn, and the position at which a row was seen.

A row further down gets fewer clicks for the same interest, and no feature may say where it stood: it was not known
when the list was made. So the place goes into the training as one input more, and ranking sets it to the top for all
rows (`at_top`): what is left is what the features say. Probabilities of what happened keep the place as it was.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from training.baseline.matrix import Encoder, fit_encoder
from training.baseline.measures import Floats
from training.baseline.rows import Rows
from training.errors import BaselineError

POSITION = "position"


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted model of one label."""

    name: str
    encoder: Encoder
    with_position: bool
    estimator: Any  # scikit-learn's

    def probabilities(self, table: pa.Table, *, at_top: bool = False) -> Floats:
        """Return the probability of each row; with `at_top` as if each had stood first."""
        return self.of_matrix(_matrix(self.encoder, table, self.with_position, at_top))

    def of_matrix(self, matrix: Floats) -> Floats:
        return np.asarray(self.estimator.predict_proba(matrix)[:, 1], dtype=np.float64)

    def matrix(self, table: pa.Table, *, at_top: bool = False) -> Floats:
        """Return what the model sees of the rows."""
        return _matrix(self.encoder, table, self.with_position, at_top)

    @property
    def names(self) -> tuple[str, ...]:
        """Name the columns of the matrix."""
        return (*self.encoder.names, *((POSITION,) if self.with_position else ()))

    def is_number(self, place: int) -> bool:
        """Tell whether a column of the matrix is a number or a boolean, not a value of a text or what is missing."""
        return place >= len(self.encoder.columns) or self.encoder.columns[place].is_number

    def places(self, feature: str) -> list[int]:
        """List the matrix' columns that a feature, or the position, became."""
        return [len(self.encoder.columns)] if feature == POSITION else self.encoder.source(feature)


def fit_models(train: Rows, features: Sequence[str], *, seed: int) -> list[Model]:
    """Fit a logistic regression, whose coefficients can be read, and boosted trees, which see what is not linear."""
    linear, ensemble = _module("sklearn.linear_model"), _module("sklearn.ensemble")
    encoder = fit_encoder(train.table, features)
    with_position = POSITION in train.table.column_names
    matrix = _matrix(encoder, train.table, with_position, False)
    trees = ensemble.HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.08,
        max_leaf_nodes=15,
        min_samples_leaf=60,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=seed,
    )
    estimators = {"logistic regression": linear.LogisticRegression(C=0.1, max_iter=1000), "boosted trees": trees}
    return [
        Model(name, encoder, with_position, estimator.fit(matrix, train.truth))
        for name, estimator in estimators.items()
    ]


def logistic_regression(matrix: Floats, truth: Floats) -> Any:
    """Fit a logistic regression to columns that are scaled already."""
    return _module("sklearn.linear_model").LogisticRegression(C=0.1, max_iter=1000).fit(matrix, truth)


def calibrated(score: Floats, truth: Floats) -> Any:
    """Fit the one-input model that makes probabilities of a score: what popularity is worth at its best."""
    return _module("sklearn.linear_model").LogisticRegression(C=1e6, max_iter=1000).fit(score[:, None], truth)


def require() -> None:
    """Raise BaselineError where scikit-learn is not installed."""
    _module("sklearn")


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let scikit-learn work in this thread alone: its sums, and so the figures, then do not depend on the cores."""
    with _module("threadpoolctl").threadpool_limits(limits=1):
        yield


def _matrix(encoder: Encoder, table: pa.Table, with_position: bool, at_top: bool) -> Floats:
    matrix = encoder.transform(table)
    if not with_position:
        return matrix
    place = np.asarray(table.column(POSITION).cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    place = np.zeros(len(matrix)) if at_top else np.log(np.maximum(np.nan_to_num(place, nan=1.0), 1.0))
    return np.column_stack([matrix, place])


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise BaselineError(
            "the baseline needs scikit-learn, which is an extra: pip install -e '.[baseline]' in the checkout"
        ) from error
