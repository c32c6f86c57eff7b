"""The manifest: everything that says what a dataset is, and what it was made from.

`inputs` and `logical_hash` give the id; the rest is evidence. Times are ISO 8601 in UTC. `digest` is the sha256
of the manifest's own canonical JSON without that key, so that an edited manifest shows.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.content import canonical_json
from training.errors import DatasetChangedError, DatasetNotFoundError
from training.spec import SPLITS

FORMAT = 2  # of this file
BUILDER = 2  # raise it when the same inputs come to mean other rows: it is an input of the id
FILE_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Cut:
    """A position in the order of commits: the state of the warehouse that a build ran on, or an as-of time's."""

    epoch: int
    lsn: int
    at: datetime

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"epoch": self.epoch, "lsn": self.lsn, "at": self.at.astimezone(UTC).isoformat()}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A read manifest. `document` is the whole JSON; the properties are what code asks for."""

    document: Mapping[str, Any]  # Any: a JSON tree

    @property
    def name(self) -> str:
        return str(self.document["name"])

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def as_of(self) -> datetime:
        return datetime.fromisoformat(self.document["as_of"])

    @property
    def built_at(self) -> datetime:
        return datetime.fromisoformat(self.document["built"]["at"])

    @property
    def logical_hash(self) -> str:
        return str(self.document["logical_hash"])

    @property
    def bounds(self) -> tuple[datetime, datetime] | None:
        """When valid and test begin, of a split by time."""
        bounds = [datetime.fromisoformat(bound) for bound in self.document["boundaries"]]
        return (bounds[0], bounds[1]) if bounds else None

    @property
    def columns(self) -> dict[str, str]:
        """The Arrow type of each column, in order."""
        return {column["name"]: column["type"] for column in self.document["schema"]}

    @property
    def rows(self) -> dict[str, int]:
        """Rows by split."""
        return {split: int(self.document["splits"][split]["rows"]) for split in SPLITS}

    @property
    def exclusions(self) -> dict[str, int]:
        """Rows of the relation that are in no split, by reason."""
        return dict(self.document["exclusions"])

    @property
    def base_rates(self) -> dict[str, dict[str, float | None]]:
        """Mean of each label over its mature rows, by split; None where none is mature."""
        return {
            split: {label: facts["base_rate"] for label, facts in self.document["splits"][split]["labels"].items()}
            for split in SPLITS
        }

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """sha256 and bytes (Parquet parts: and rows) by path relative to the dataset's directory."""
        return dict(self.document["files"])

    @property
    def size_bytes(self) -> int:
        return sum(int(file["bytes"]) for file in self.files.values())


def dataset_id(inputs: Mapping[str, Any], logical_hash: str) -> str:
    """Return the dataset's address: 16 hex digits over what it was asked to be and what it turned out to be."""
    return hashlib.sha256(canonical_json({"inputs": inputs, "logical_hash": logical_hash})).hexdigest()[:16]


def manifest_text(document: Mapping[str, Any]) -> str:
    """Return the manifest's text, with its digest."""
    return json.dumps({**document, "digest": _digest(document)}, indent=2, sort_keys=True) + "\n"


def read_manifest(directory: Path) -> Manifest:
    """Read and check the manifest of a dataset directory, or a manifest that was kept alone."""
    path = directory if directory.is_file() else directory / FILE_NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DatasetNotFoundError(f"{str(directory)!r} holds no dataset: it has no {FILE_NAME}") from error
    except ValueError as error:
        raise _changed(directory, "is not JSON any more") from error
    if not isinstance(document, dict) or document.get("digest") != _digest(document):
        raise _changed(directory, "was edited: its digest does not fit")
    if document["format"] != FORMAT:
        raise DatasetNotFoundError(
            f"{str(path)!r} has format {document['format']}, this version of Flux reads {FORMAT}; use the version"
            f" named in it ({document['built']['code']})"
        )
    return Manifest(document)


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(
        canonical_json({key: value for key, value in document.items() if key != "digest"})
    ).hexdigest()


def _changed(directory: Path, how: str) -> DatasetChangedError:
    return DatasetChangedError(
        f"dataset {str(directory)!r} has changed: {FILE_NAME} {how}; delete the directory and pull the dataset again",
        (FILE_NAME,),
    )
