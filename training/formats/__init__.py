"""A dataset in the formats of other tools: Arrow IPC files, CSV, RecBole's atomic files.

    training.export(training.open("match"), "recbole")       # .../match/<id>.recbole, beside the dataset

The dataset itself is Parquet and stays what it is; an export can be deleted and made again. It is written whole or not
at all, a row group at a time, and `export.json` says which dataset it is of, with the sha256 of each file.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from training import directory
from training.errors import FormatError
from training.formats import arrow_files, csv_files, recbole
from training.papers import code_version, file_sha256

if TYPE_CHECKING:
    from training.dataset import Dataset

PAPER: Final = "export.json"
VERSION: Final = 1  # raise it when the same dataset comes to be written differently

# Writes into an empty directory; gives the rows that are not in it, by reason.
Write = Callable[["Dataset", Path, str | None], Mapping[str, int]]
_WRITERS: Final[Mapping[str, Write]] = {
    "arrow": arrow_files.write,
    "csv": csv_files.write,
    "recbole": recbole.write,
}
FORMATS: Final = tuple(_WRITERS)


@dataclass(frozen=True, slots=True)
class Export:
    """What was written. `created` is False when it was there already."""

    format: str
    directory: Path
    created: bool
    files: tuple[str, ...]
    rows: int
    left_out: Mapping[str, int]
    size_bytes: int


def export(dataset: "Dataset", format: str, out: Path | None = None, *, label: str | None = None) -> Export:
    """Write a dataset in another format into the directory `out`, by default `<dataset>.<format>` beside it.

    `label` is the one label of formats that know one only (recbole): by default the first. What is there already is
    hashed and left as it is. Raises FormatError for a format or a value that cannot be, and where something else is.
    """
    if format not in _WRITERS:
        raise FormatError(f"no format is called {format!r}; there are {', '.join(FORMATS)} (a dataset is parquet)")
    target = out or dataset.directory.with_name(f"{dataset.manifest.id}.{format}")
    asked = {
        "format": format,
        "version": VERSION,
        "dataset": f"{dataset.manifest.name}/{dataset.manifest.id}",
        "logical_hash": dataset.manifest.logical_hash,
        "label": label,
    }
    if target.exists() and (found := _read(target, asked)) is not None:
        return _report(target, found, created=False)
    with directory.building(target.parent.parent, target.parent.name) as temporary:
        left_out = _WRITERS[format](dataset, temporary, label)
        paper = asked | {
            "as_of": dataset.manifest.as_of.isoformat(),
            "rows": sum(dataset.manifest.rows.values()) - sum(left_out.values()),
            "left_out": dict(left_out),
            "files": _files(temporary),
            "code": code_version(),
        }
        (temporary / PAPER).write_text(json.dumps(paper, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        if target.exists():
            directory.remove(target)
        directory.publish(temporary, target.name)
    return _report(target, paper, created=True)


def _read(target: Path, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:  # Any: a JSON tree
    """Return the paper of an export that is what was asked, None when it has to be made anew."""
    try:
        paper: Mapping[str, Any] = json.loads((target / PAPER).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(
            f"{str(target)!r} exists and is no export of Flux; choose another directory or remove it"
        ) from error
    same = all(paper.get(key) == value for key, value in asked.items())
    return paper if same and paper.get("files") == _files(target) else None


def _files(of: Path) -> dict[str, dict[str, Any]]:
    return {
        path.relative_to(of).as_posix(): {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        for path in sorted(of.rglob("*"))
        if path.is_file() and path.name != PAPER
    }


def _report(target: Path, paper: Mapping[str, Any], *, created: bool) -> Export:
    return Export(
        format=paper["format"],
        directory=target,
        created=created,
        files=tuple(paper["files"]),
        rows=paper["rows"],
        left_out=paper["left_out"],
        size_bytes=sum(file["bytes"] for file in paper["files"].values()),
    )
