"""Where the values of a training set's row came from, asked of the published warehouse."""

from __future__ import annotations

from orchestration.settings import Settings
from orchestration.walk.readers import reading
from training import entries
from training import open as open_dataset
from training.errors import DatasetNotFoundError
from training.gate.explain import Source, Told, explain_row

__all__ = ["Source", "Told", "explain"]


def explain(settings: Settings, row_id: int, dataset: str | None) -> tuple[str, list[Told]]:
    """Explain a row of a dataset, or of the one that was built last; also says which one it is, `name/id`.

    Raises TrainingError when there is no such dataset or row, or nobody may look at it any more.
    """
    datasets = settings.datasets_directory
    if dataset is None:
        built = [entry for entry in entries(datasets) if entry.built_at is not None]
        if not built:
            raise DatasetNotFoundError("there is no dataset yet; make one with 'flux training pull'")
        newest = max(built, key=lambda entry: (entry.built_at.timestamp() if entry.built_at else 0.0, entry.id))
        dataset = f"{newest.name}/{newest.id}"
    found = open_dataset(dataset, datasets)
    with reading(settings) as warehouse:
        return f"{found.manifest.name}/{found.manifest.id}", explain_row(warehouse, found, row_id)
