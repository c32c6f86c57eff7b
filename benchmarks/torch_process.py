"""A dataset's train split into PyTorch, beside reading its Parquet with Arrow: run by the Python of `.venv-torch`.

`python -m benchmarks.torch_process DATASET` prints JSON: rows a second of Arrow alone (one thread, row group by row
group), of a DataLoader with one worker process, of the same with rows mixed, and of iterating without a worker.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import torch
from torch.utils.data import DataLoader

from benchmarks import training_rows
from training import Dataset
from training.parts import read_groups

_EPOCHS: Final = 3
_BATCH_ROWS: Final = 8192
_LABEL: Final = "label_click_24h"


def main(directory: Path) -> None:
    """Measure all."""
    dataset = Dataset(directory)
    columns = [f"feature_{place:02d}" for place in range(training_rows.NUMBERS)]
    rows = dataset.manifest.rows["train"]

    def loader(workers: int, seed: int | None) -> Any:  # Any: torch is not there when types are checked
        batches = dataset.torch("train", _BATCH_ROWS, columns=columns, label=_LABEL, shuffle_seed=seed)
        return DataLoader(batches, batch_size=None, num_workers=workers, persistent_workers=workers > 0)

    def arrow() -> int:
        return sum(group.num_rows for group in read_groups(directory, "train", [*columns, _LABEL]))

    told = {
        "rows": rows,
        "floor": _speed(rows, arrow),
        "one_worker": _speed(rows, _walk(loader(1, None))),
        "one_worker_mixed": _speed(rows, _walk(loader(1, 7))),
        "no_worker": _speed(rows, _walk(loader(0, None))),
        "floor_again": _speed(rows, arrow),
        "torch": torch.__version__,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }
    print(json.dumps(told))


def _walk(loader: Iterable[dict[str, Any]]) -> Callable[[], int]:
    def walk() -> int:
        rows = 0
        for batch in loader:
            assert batch["features"].shape[1] == training_rows.NUMBERS
            rows += len(batch["labels"])
        return rows

    return walk


def _speed(rows: int, read: Callable[[], int]) -> float:
    """Rows a second over some epochs, the start of workers included."""
    began = time.perf_counter()
    for _ in range(_EPOCHS):
        assert read() == rows
    return _EPOCHS * rows / (time.perf_counter() - began)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
