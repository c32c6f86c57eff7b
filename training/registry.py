"""Which datasets there are: the directories are the registry, nothing else has to agree with them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from training import directory
from training.errors import DatasetChangedError, DatasetNotFoundError
from training.manifest import FILE_NAME, read_manifest


@dataclass(frozen=True, slots=True)
class Entry:
    """One dataset on disk. Where its manifest cannot be trusted, `problem` says why and the figures are empty."""

    name: str
    id: str
    directory: Path
    as_of: datetime | None
    built_at: datetime | None
    rows: int
    size_bytes: int
    problem: str | None = None


def entries(datasets: Path) -> list[Entry]:
    """List the datasets below a directory, by name, then the time they were built. Reads manifests only."""
    found = [_entry(path.parent) for path in datasets.glob(f"*/*/{FILE_NAME}") if not path.parent.name.startswith(".")]
    return sorted(
        found, key=lambda entry: (entry.name, entry.built_at.timestamp() if entry.built_at else 0.0, entry.id)
    )


def find(path_or_id: str | Path, datasets: Path) -> Path:
    """Return the directory of a dataset, given as in `open_dataset`."""
    path = Path(path_or_id)
    for candidate in (path, datasets / path):
        if (candidate / FILE_NAME).is_file():
            return candidate
    wanted = str(path_or_id)
    known = entries(datasets)
    matches = [one for one in known if wanted and _begins(one, wanted)]
    if len(matches) == 1:
        return matches[0].directory
    if matches:
        ids = ", ".join(f"{entry.name}/{entry.id}" for entry in matches)
        raise DatasetNotFoundError(f"{wanted!r} fits {len(matches)} datasets ({ids}); write more of the id")
    listed = (
        ", ".join(f"{entry.name}/{entry.id}" for entry in known[-5:]) or "none yet; make one with 'flux training pull'"
    )
    raise DatasetNotFoundError(f"no dataset {wanted!r} below {str(datasets)!r}; there are: {listed}")


def remove(dataset: Path) -> None:
    """Delete one dataset and what was made of it beside it: exports, pages (`<id>.*`).

    All of it is read-only, so a plain removal fails for an ordinary user.
    """
    if not (dataset / FILE_NAME).is_file():
        raise DatasetNotFoundError(f"{str(dataset)!r} holds no dataset; nothing was deleted")
    for made in (*dataset.parent.glob(f"{dataset.name}.*"), dataset):
        if made.is_dir():
            directory.remove(made)
        else:
            made.unlink()


def _begins(entry: Entry, wanted: str) -> bool:
    return entry.id.startswith(wanted) or f"{entry.name}/{entry.id}".startswith(wanted)


def _entry(dataset: Path) -> Entry:
    try:
        manifest = read_manifest(dataset)
    except (DatasetChangedError, DatasetNotFoundError) as error:
        return Entry(dataset.parent.name, dataset.name, dataset, None, None, 0, 0, str(error))
    rows = sum(manifest.rows.values())
    return Entry(manifest.name, manifest.id, dataset, manifest.as_of, manifest.built_at, rows, manifest.size_bytes)
