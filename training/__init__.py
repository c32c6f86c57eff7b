"""Training sets: specification -> immutable, content-addressed directory of Parquet -> Arrow, pandas, PyTorch.

    import training

    report = training.build_dataset(connection, training.load_spec("match"), out=Path("datasets"), cut=cut)
    dataset = training.open(report.directory)
    rows = dataset.arrow("train")

Knows no warehouse (it is given a connection), no Dagster and none of the other rooms.
"""

from training.building import DatasetReport, Origin, Progress, Source, build_dataset
from training.connection import BatchConnection, Connection
from training.dataset import Dataset, Verification
from training.dataset import open_dataset as open  # the name reads well as training.open
from training.errors import (
    AsOfError,
    BuildError,
    DatasetChangedError,
    DatasetNotFoundError,
    FormatError,
    LeakageError,
    LoaderError,
    SpecError,
    TrainingError,
)
from training.formats import Export, export
from training.manifest import Cut, Manifest
from training.registry import Entry, entries, remove
from training.spec import DatasetSpec, Feature, Label, Split, load_spec, overridden, parse_spec

__all__ = [
    "AsOfError",
    "BatchConnection",
    "BuildError",
    "Connection",
    "Cut",
    "Dataset",
    "DatasetChangedError",
    "DatasetNotFoundError",
    "DatasetReport",
    "DatasetSpec",
    "Entry",
    "Export",
    "Feature",
    "FormatError",
    "Label",
    "LeakageError",
    "LoaderError",
    "Manifest",
    "Origin",
    "Progress",
    "Source",
    "SpecError",
    "Split",
    "TrainingError",
    "Verification",
    "build_dataset",
    "entries",
    "export",
    "load_spec",
    "open",
    "overridden",
    "parse_spec",
    "remove",
]
