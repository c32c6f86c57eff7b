"""What the models must beat: how popular an opportunity was, as far as that was known at the request.

Counts of earlier applications, and their rate among earlier impressions (smoothed, for an opportunity that was hardly
shown has no rate). Which of them is the rival is decided on the validation split, so that it is the best one.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from training.baseline.measures import Floats, RocAuc
from training.baseline.rows import Rows

APPLICATIONS, IMPRESSIONS = "opportunity_applications", "opportunity_impressions"
SMOOTHING = 20.0  # impressions that an opportunity is given beforehand, with the mean rate


def best_popularity(train: Rows, valid: Rows) -> tuple[str, Floats] | None:
    """Name the popularity that ranks the validation rows best, with its scores there; None where a set has none."""
    found = [(name, scores_of(name, valid.table, train)) for name in names(train.table)]
    area = {name: RocAuc(valid.truth, scores)(np.ones(len(scores))) for name, scores in found}
    return max(found, key=lambda one: np.nan_to_num(area[one[0]]), default=None)


def names(table: pa.Table) -> Iterator[str]:
    """List what popularity can be told by."""
    for column in table.column_names:
        if column.startswith(APPLICATIONS):
            yield column
            if column.replace(APPLICATIONS, IMPRESSIONS) in table.column_names:
                yield f"rate of {column}"


def scores_of(name: str, table: pa.Table, train: Rows) -> Floats:
    """Score rows by a popularity."""
    column = name.removeprefix("rate of ")
    applications = _counts(table, column)
    if column == name:
        return np.asarray(np.log1p(applications), dtype=np.float64)
    shown = column.replace(APPLICATIONS, IMPRESSIONS)
    usual = _counts(train.table, column).sum() / max(_counts(train.table, shown).sum(), 1.0)
    rate = (applications + SMOOTHING * usual) / (_counts(table, shown) + SMOOTHING)
    return np.asarray(np.log(np.maximum(rate, 1e-9)), dtype=np.float64)


def _counts(table: pa.Table, name: str) -> Floats:
    values = table.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.nan_to_num(np.asarray(values, dtype=np.float64))
