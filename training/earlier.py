"""The datasets of a name that were known before one: whom it is compared with."""

from datetime import datetime
from pathlib import Path

from training.dataset import Dataset
from training.registry import entries


def earlier(name: str, as_of: datetime, datasets: Path) -> list[Dataset]:
    """List the datasets of this name whose as-of time lies before, newest first; the first one is the parent.

    Of several with one as-of time the one built last stands for them. One whose manifest was changed is left out.
    """
    found: dict[datetime, Path] = {}
    for entry in entries(datasets):  # by the time they were built
        if entry.name == name and entry.as_of is not None and entry.as_of < as_of:
            found[entry.as_of] = entry.directory
    return [Dataset(found[moment]) for moment in sorted(found, reverse=True)]
