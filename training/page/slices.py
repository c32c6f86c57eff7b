"""The baseline's slices by group, for their own audience: a page in a directory that its owner alone may open."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from training.baseline.slices import LEAST_PEOPLE, Slice
from training.dataset import Dataset
from training.page.markdown import table_html
from training.page.page import frame, write

Slices = Mapping[str, Mapping[str, Sequence[Slice]]]  # by label, then by what people were told apart


def write_slices(dataset: Dataset, slices: Slices, directory: Path) -> Path:
    """Write `<directory>/<name>/<id>.html`, mode 0600 below directories of mode 0700, and return where it is."""
    home = directory / dataset.manifest.name
    for one in (directory, home):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
        one.chmod(0o700)  # mkdir's mode is cut by the umask, and an old directory may be open
    path = home / f"{dataset.manifest.id}.html"
    write(path, _html(dataset, slices), mode=0o600)
    return path


def _html(dataset: Dataset, slices: Slices) -> str:
    name = f"{dataset.manifest.name} {dataset.manifest.id}"
    parts = [
        f"<h1>Baseline of {escape(name)} by group</h1>",
        "<p>Restricted: not for whoever trains or uses the model. Test split; probabilities of the baseline as shown. A"
        f" group of fewer than {LEAST_PEOPLE} people is counted and not described. A difference here is no proof of"
        " unfairness, and none is no proof of fairness: the model never saw the group, what it saw may tell it.</p>",
    ]
    for label, by_category in slices.items():
        for category, found in by_category.items():
            parts.append(f"<h2><code>{escape(label)}</code> by {escape(category)}</h2>")
            parts.append(
                table_html(["group", "people", "rows", "observed", "promised", "ROC AUC"], [_row(one) for one in found])
            )
    return frame(f"{name} by group", parts)


def _row(one: Slice) -> list[str]:
    if one.observed is None or one.predicted is None:
        return [escape(one.group), f"{one.people:,}", f"{one.rows:,}", "too few", "too few", "too few"]
    area = "one class" if one.roc_auc is None else f"{one.roc_auc:.3f}"
    return [escape(one.group), f"{one.people:,}", f"{one.rows:,}", f"{one.observed:.2%}", f"{one.predicted:.2%}", area]
