"""From a finished training set to what its checks found."""

from __future__ import annotations

from pathlib import Path

import training
from orchestration.checks.datasets import DatasetPromises, DatasetResult, load_promises
from orchestration.checks.datasets import check_dataset as _check_dataset
from orchestration.settings import Settings
from orchestration.walk.verification import quality_directory
from training.earlier import earlier

__all__ = ["DatasetPromises", "DatasetResult", "load_promises"]


def check_dataset(settings: Settings, directory: Path, promises: DatasetPromises) -> DatasetResult:
    """Check a dataset of this home against its promises and the sets before it; writes its page of quality."""
    dataset = training.open(directory)
    manifest = dataset.manifest
    before = earlier(manifest.name, manifest.as_of, settings.datasets_directory)
    return _check_dataset(dataset, before, promises, data_docs=quality_directory(settings))
