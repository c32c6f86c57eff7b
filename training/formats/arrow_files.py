"""Arrow IPC files, one a split: `train.arrow`. Not compressed: `pyarrow.memory_map` reads them without a copy."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from training.parts import read_groups, split_schema

if TYPE_CHECKING:
    from training.dataset import Dataset


def write(dataset: "Dataset", out: Path, label: str | None) -> Mapping[str, int]:
    """Write all rows; `label` does not matter."""
    for split in dataset.manifest.rows:
        schema = split_schema(dataset.directory, split)
        with pa.OSFile(str(out / f"{split}.arrow"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for group in read_groups(dataset.directory, split):
                writer.write_table(group)
    return {}
