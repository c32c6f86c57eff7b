"""The specification of a dataset: which relation, which columns are what, which rows, how they are split.

    spec = load_spec("match")                    # a shipped one, or a path
    spec = overridden(spec, seed=11, labels=("label_apply_14d",))

`definition` holds the values, `parsing` reads them strictly, `document` writes them, `overriding` changes a few.
"""

from training.spec.definition import (
    FORBIDDEN_COLUMNS,
    IS_BEFORE_LOG,
    IS_IN_HISTORY_GAP,
    SPLITS,
    DatasetSpec,
    Exclusion,
    Feature,
    Label,
    Negatives,
    Relevance,
    Split,
)
from training.spec.durations import duration, duration_text
from training.spec.file import SPECS, load_spec
from training.spec.nearest import nearest
from training.spec.overriding import overridden
from training.spec.parsing import parse_spec

__all__ = [
    "FORBIDDEN_COLUMNS",
    "IS_BEFORE_LOG",
    "IS_IN_HISTORY_GAP",
    "SPECS",
    "SPLITS",
    "DatasetSpec",
    "Exclusion",
    "Feature",
    "Label",
    "Negatives",
    "Relevance",
    "Split",
    "duration",
    "duration_text",
    "load_spec",
    "nearest",
    "overridden",
    "parse_spec",
]
