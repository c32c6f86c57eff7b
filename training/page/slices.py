"""The baseline's slices by group, and the features that tell a group, for their own audience.

A page in a directory that its owner alone may open.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import isnan
from pathlib import Path

from training.baseline.proxies import CHANCE, SHUFFLES, Proxies, Proxy
from training.baseline.slices import LEAST_PEOPLE, Slice
from training.dataset import Dataset
from training.page.markdown import table_html
from training.page.page import frame, write

Slices = Mapping[str, Mapping[str, Sequence[Slice]]]  # by label, then by what people were told apart
ByAttribute = Mapping[str, Proxies | None]  # by what people were told apart


def write_slices(dataset: Dataset, slices: Slices, proxies: ByAttribute, directory: Path) -> Path:
    """Write `<directory>/<name>/<id>.html`, mode 0600 below directories of mode 0700, and return where it is."""
    home = directory / dataset.manifest.name
    for one in (directory, home):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
        one.chmod(0o700)  # mkdir's mode is cut by the umask, and an old directory may be open
    path = home / f"{dataset.manifest.id}.html"
    write(path, _html(dataset, slices, proxies), mode=0o600)
    return path


def _html(dataset: Dataset, slices: Slices, proxies: ByAttribute) -> str:
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
    for category, measured in proxies.items():
        parts += _proxies(category, measured)
    return frame(f"{name} by group", parts)


def _proxies(category: str, found: Proxies | None) -> Iterator[str]:
    yield f"<h2>Features that tell {escape(category)}</h2>"
    if found is None:
        yield f"<p>Not measured: fewer than two groups have {LEAST_PEOPLE} people.</p>"
        return
    beyond = sum(one.beyond_chance for one in found.features)
    people = ", ".join(f"{escape(name)} {count:,}" for name, count in found.people.items())
    yield (
        f"<p>Of {len(found.features)} features {beyond} tell more of it than chance. A feature that tells a"
        " protected attribute can stand in for it, though no column holds it; whether it may stay is for whoever"
        f" answers for the model to say. People: {people}; groups of fewer than {LEAST_PEOPLE} are left out, and who"
        " did not tell. <em>Told</em> is the mutual information of feature and group, as a share of what there is to"
        f" tell; <em>by chance</em> the same with the groups given to other people, the mean of {SHUFFLES} tries. More"
        f" than chance is what lies further above it, in its own deviations, than any feature in {CHANCE:.0%} of these."
        " ROC AUC: how the feature alone ranks the people of the group that it tells apart best.</p>"
    )
    yield table_html(["all features together", "ROC AUC"], [_area(*one) for one in found.together.items()])
    yield "<p>That of a logistic regression, which learned from half of the people, on the other half.</p>"
    yield table_html(
        ["feature", "told", "by chance", "more than chance", "ROC AUC", "of"], [_line(one) for one in found.features]
    )


def _area(group: str, area: float) -> list[str]:
    return [escape(group), "one class" if isnan(area) else f"{area:.3f}"]


def _line(one: Proxy) -> list[str]:
    area = ["", ""] if one.area is None or one.group is None else [f"{one.area:.3f}", escape(one.group)]
    told = [f"{one.told:.2%}", f"{one.by_chance:.2%}", "yes" if one.beyond_chance else "no"]
    return [f"<code>{escape(one.feature)}</code>", *told, *area]


def _row(one: Slice) -> list[str]:
    if one.observed is None or one.predicted is None:
        return [escape(one.group), f"{one.people:,}", f"{one.rows:,}", "too few", "too few", "too few"]
    area = "one class" if one.roc_auc is None else f"{one.roc_auc:.3f}"
    return [escape(one.group), f"{one.people:,}", f"{one.rows:,}", f"{one.observed:.2%}", f"{one.predicted:.2%}", area]
