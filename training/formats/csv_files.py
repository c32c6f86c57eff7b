"""CSV, one file a split: `train.csv`, with a header. RFC 4180 in UTF-8.

NULL is nothing between two commas, an empty text is `""`; texts are quoted, nothing else is. Times are ISO 8601 in UTC,
floats have the digits that give the same float again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pyarrow import csv

from training.parts import read_groups, split_schema

if TYPE_CHECKING:
    from training.dataset import Dataset


def write(dataset: "Dataset", out: Path, label: str | None) -> Mapping[str, int]:
    """Write all rows; `label` does not matter."""
    for split in dataset.manifest.rows:
        with csv.CSVWriter(str(out / f"{split}.csv"), split_schema(dataset.directory, split)) as writer:
            for group in read_groups(dataset.directory, split):
                writer.write_table(group)
    return {}
