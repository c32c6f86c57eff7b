"""A finished dataset on disk: open it, read a split, prove that it is what it was."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from training.content import ContentHash
from training.errors import DatasetChangedError, DatasetNotFoundError, LoaderError
from training.loader.batches import BatchStream, encode_columns, row_groups
from training.loader.order import WINDOW_ROWS
from training.manifest import FILE_NAME, Manifest, dataset_id, read_manifest
from training.papers import file_sha256
from training.parts import read_groups, read_split
from training.registry import find
from training.spec import nearest

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from training.loader.torch_batches import TorchBatches


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` read: all of it was as the manifest says."""

    files: int
    size_bytes: int
    rows: int


class Dataset:
    """One immutable dataset directory. Opening reads its manifest only."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.manifest: Manifest = read_manifest(directory)

    def __repr__(self) -> str:
        rows = ", ".join(f"{split}={count}" for split, count in self.manifest.rows.items())
        return f"<Dataset {self.manifest.name}/{self.manifest.id} {rows}>"

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Names of the feature columns, in order."""
        return self._names("features")

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of the label columns, the relevance last; NULL in a label means: not known at the as-of time."""
        relevance = self.manifest.document["inputs"]["spec"].get("relevance")
        return (*self._names("labels"), *((relevance["name"],) if relevance else ()))

    def arrow(self, split: str, columns: list[str] | None = None) -> pa.Table:
        """Read a split, or some of its columns, in the dataset's order (time, id)."""
        self._require(split, columns or ())
        return read_split(self.directory, split, columns)

    def pandas(self, split: str, columns: list[str] | None = None) -> "pd.DataFrame":
        """Read a split as a data frame. An integer or boolean column with NULLs keeps them (nullable types)."""
        return self.arrow(split, columns).to_pandas(types_mapper=_nullable)

    def polars(self, split: str, columns: list[str] | None = None) -> "pl.DataFrame":
        """Read a split as a polars frame. Needs polars: pip install 'flux-data-platform[polars]'."""
        try:
            import polars as pl
        except ImportError as error:
            raise LoaderError(
                "polars is not installed; run pip install 'flux-data-platform[polars]', or read with arrow()"
            ) from error
        frame = pl.from_arrow(self.arrow(split, columns))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def torch(
        self,
        split: str,
        batch_size: int = 1024,
        *,
        columns: Sequence[str] | None = None,
        label: str | Sequence[str] | None = None,
        context: Sequence[str] = (),
        shuffle_seed: int | None = None,
        rank: int = 0,
        world: int = 1,
        mask: bool = False,
        window_rows: int = WINDOW_ROWS,
    ) -> "TorchBatches":
        """Give a split to PyTorch, as an IterableDataset of batches; `training.loader.torch_batches` shows its use.

        Each batch is a dict of tensors: `features` (float32, numbers and booleans of `columns`, by default all
        features; NULL is NaN), `categories` (int64 codes of those that are text), `labels` (float32; NaN where not
        known at the as-of time; one dimension when `label` is one name, by default all labels), and each of `context`
        by its name (float64). With `mask`, `features` has 0 for NaN and `known` says where it does not.
        `shuffle_seed` mixes the rows, `window_rows` of them at a time; a window is what is held in memory.
        Needs PyTorch: pip install 'flux-data-platform[torch]'.
        """
        try:
            from training.loader.torch_batches import TorchBatches
        except ModuleNotFoundError as error:
            raise LoaderError(
                "PyTorch is not installed; run pip install 'flux-data-platform[torch]', or read with arrow()"
            ) from error
        stream = self._stream(split, batch_size, columns, label, context, shuffle_seed, mask, window_rows)
        return TorchBatches(stream, self.manifest.id, rank, world)

    def verify(self) -> Verification:
        """Hash every file and the rows again; raise DatasetChangedError that names what differs.

        Cost: reads the dataset twice, about 1 GB/s for the files and 10 M values/s for the rows.
        """
        expected = self.manifest.files
        found = {
            path.relative_to(self.directory).as_posix()
            for path in self.directory.rglob("*")
            if path.is_file() and path.name != FILE_NAME
        }
        problems = dict.fromkeys(sorted(expected.keys() - found), "is missing")
        problems |= dict.fromkeys(sorted(found - expected.keys()), "does not belong to it")
        for path in sorted(expected.keys() & found):
            if file_sha256(self.directory / path) != expected[path]["sha256"]:
                problems[path] = "was changed"
        if problems:
            raise self._changed(problems)
        content = ContentHash(pq.read_schema(self.directory / next(path for path in expected if "/" in path)))
        for split in self.manifest.rows:
            for group in read_groups(self.directory, split):
                content.update(split, group)
        rightful = dataset_id(self.manifest.document["inputs"], content.hexdigest())
        if content.hexdigest() != self.manifest.logical_hash or rightful != self.manifest.id:
            raise self._changed({FILE_NAME: "does not describe these rows"})
        if self.directory.name != self.manifest.id:
            raise self._changed({self.directory.name: f"is not its id, {self.manifest.id}"})
        return Verification(len(expected), self.manifest.size_bytes, content.rows)

    def _stream(
        self,
        split: str,
        batch_size: int,
        columns: Sequence[str] | None,
        label: str | Sequence[str] | None,
        context: Sequence[str],
        shuffle_seed: int | None,
        mask: bool,
        window_rows: int,
    ) -> BatchStream:
        if batch_size < 1:
            raise LoaderError(f"batch_size is {batch_size}; a batch has at least one row")
        features = self.features if columns is None else tuple(columns)
        labels = self.labels if label is None else (label,) if isinstance(label, str) else tuple(label)
        self._require(split, (*features, *labels, *context))
        groups = row_groups(self.directory, split)
        encoded = encode_columns(
            self.directory,
            pq.read_schema(groups[0].part),
            features,
            labels,
            context,
            one_label=isinstance(label, str),
            mask=mask,
        )
        return BatchStream(self.directory, split, encoded, batch_size, shuffle_seed, window_rows, groups)

    def _require(self, split: str, columns: Sequence[str]) -> None:
        if split not in self.manifest.rows:
            raise DatasetNotFoundError(f"dataset {self!r} has no split {split!r}{nearest(split, self.manifest.rows)}")
        names = list(self.manifest.columns)
        for column in columns:
            if column not in names:
                raise DatasetNotFoundError(f"dataset {self!r} has no column {column!r}{nearest(column, names)}")

    def _changed(self, problems: dict[str, str]) -> DatasetChangedError:
        what = "; ".join(f"{path} {problem}" for path, problem in problems.items())
        return DatasetChangedError(
            f"dataset {str(self.directory)!r} has changed: {what}; delete the directory and pull the dataset again",
            tuple(problems),
        )

    def _names(self, part: str) -> tuple[str, ...]:
        columns: list[dict[str, Any]] = self.manifest.document["inputs"]["spec"][part]  # Any: a JSON tree
        return tuple(column["name"] for column in columns)


def open_dataset(path_or_id: str | Path, datasets: str | Path | None = None) -> Dataset:
    """Open a dataset by its directory, by `name/id`, or by an id below `datasets`; a unique beginning is enough.

    Unset, `datasets` is where `flux` puts them: below FLUX_HOME, or `.flux` in the working directory.
    """
    home = Path(os.environ.get("FLUX_HOME") or ".flux") / "datasets"
    return Dataset(find(path_or_id, home if datasets is None else Path(datasets)))


def _nullable(kind: pa.DataType) -> Any:  # Any: a pandas extension type, imported only here
    import pandas as pd

    names = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(),
        pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }
    return names.get(kind)
