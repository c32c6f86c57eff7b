"""A finished dataset on disk: open it, read a split, prove that it is what it was."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from training.content import ContentHash
from training.errors import DatasetChangedError, DatasetNotFoundError
from training.manifest import FILE_NAME, Manifest, dataset_id, read_manifest
from training.papers import file_sha256
from training.parts import read_split
from training.registry import find
from training.spec import nearest

if TYPE_CHECKING:
    import pandas as pd


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
        if split not in self.manifest.rows:
            raise DatasetNotFoundError(f"dataset {self!r} has no split {split!r}{nearest(split, self.manifest.rows)}")
        names = list(self.manifest.columns)
        for column in columns or ():
            if column not in names:
                raise DatasetNotFoundError(f"dataset {self!r} has no column {column!r}{nearest(column, names)}")
        return read_split(self.directory, split, columns)

    def pandas(self, split: str, columns: list[str] | None = None) -> "pd.DataFrame":
        """Read a split as a data frame. An integer or boolean column with NULLs keeps them (nullable types)."""
        return self.arrow(split, columns).to_pandas(types_mapper=_nullable)

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
            content.update(split, self.arrow(split))
        rightful = dataset_id(self.manifest.document["inputs"], content.hexdigest())
        if content.hexdigest() != self.manifest.logical_hash or rightful != self.manifest.id:
            raise self._changed({FILE_NAME: "does not describe these rows"})
        if self.directory.name != self.manifest.id:
            raise self._changed({self.directory.name: f"is not its id, {self.manifest.id}"})
        return Verification(len(expected), self.manifest.size_bytes, content.rows)

    def _changed(self, problems: dict[str, str]) -> DatasetChangedError:
        what = "; ".join(f"{path} {problem}" for path, problem in problems.items())
        return DatasetChangedError(
            f"dataset {str(self.directory)!r} has changed: {what}; delete the directory and pull the dataset again",
            tuple(problems),
        )

    def _names(self, part: str) -> tuple[str, ...]:
        columns: list[dict[str, Any]] = self.manifest.document["inputs"]["spec"][part]  # Any: a JSON tree
        return tuple(column["name"] for column in columns)


def open_dataset(path_or_id: str | Path, datasets: Path = Path(".flux/datasets")) -> Dataset:
    """Open a dataset by its directory, by `name/id`, or by an id (or its unique beginning) below `datasets`."""
    return Dataset(find(path_or_id, datasets))


def _nullable(kind: pa.DataType) -> Any:  # Any: a pandas extension type, imported only here
    import pandas as pd

    names = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }
    return names.get(kind)
