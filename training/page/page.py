"""Writes a dataset's page beside its directory, which nobody may change: `<name>/<id>.html`.

It says what the card says, then what the columns look like (stats.json) and what the baseline found
(`<id>.baseline.json`, once it was run). It asks for nothing from elsewhere.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from training.dataset import Dataset
from training.page.chart import reliability_svg
from training.page.markdown import table_html, to_html
from training.spec import SPLITS

_FRAME, _STYLE = (Path(__file__).with_name(name) for name in ("page.html", "page.css"))
_MEASURES = {"roc_auc": "ROC AUC", "ndcg_at_10": "NDCG@10", "log_loss": "log loss"}
Tree = Mapping[str, Any]  # Any: a JSON tree


def page_path(dataset: Dataset) -> Path:
    """Where the dataset's page stands."""
    return dataset.directory.with_name(f"{dataset.manifest.id}.html")


def baseline_path(dataset: Dataset) -> Path:
    """Where the figures of the dataset's baseline stand."""
    return dataset.directory.with_name(f"{dataset.manifest.id}.baseline.json")


def write_page(dataset: Dataset) -> Path:
    """Write the page anew from what is there, and return where it is."""
    path = page_path(dataset)
    write(path, page_html(dataset))
    return path


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Put a file in place by a rename, so that nobody reads half of it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def page_html(dataset: Dataset) -> str:
    """Return the page."""
    manifest = dataset.manifest
    card = to_html((dataset.directory / "CARD.md").read_text(encoding="utf-8"))
    stats = json.loads((dataset.directory / "stats.json").read_text(encoding="utf-8"))
    parts = [
        card,
        *_stats(stats, [*dataset.features, *dataset.labels]),
        *_baseline(baseline_path(dataset)),
    ]
    return frame(f"{manifest.name} {manifest.id}", parts)


def frame(title: str, parts: Sequence[str]) -> str:
    """Return a whole document around parts of HTML, with links to its sections below the title."""
    body = _with_contents("\n".join(parts))
    return Template(_FRAME.read_text(encoding="utf-8")).substitute(
        title=escape(title), style=_STYLE.read_text(encoding="utf-8"), body=body
    )


def _with_contents(body: str) -> str:
    links: list[str] = []

    def named(heading: re.Match[str]) -> str:
        links.append(f'<a href="#part-{len(links) + 1}">{heading[1]}</a>')
        return f'<h2 id="part-{len(links)}">{heading[1]}</h2>'

    body = re.sub(r"<h2>(.*?)</h2>", named, body)
    return body.replace("</h1>", f'</h1>\n<nav aria-label="Sections">{" ".join(links)}</nav>', 1)


def _stats(stats: Tree, columns: Sequence[str]) -> Iterator[str]:
    yield "<h2>What the columns look like</h2>"
    yield "<p>Train split; the share that is missing also for the others. Texts are counted, never shown.</p>"
    rows = []
    for name in columns:
        facts = stats[SPLITS[0]][name]
        missing = [_share(stats[split][name]["nulls"], stats[split][name]["rows"]) for split in SPLITS]
        rows.append([f"<code>{escape(name)}</code>", escape(facts["type"]), *missing, escape(_values(facts))])
    yield table_html(["column", "type", *(f"missing, {split}" for split in SPLITS), "values"], rows)


def _values(facts: Tree) -> str:
    if "quartiles" in facts:
        low, middle, high = facts["quartiles"]
        span = f"{facts['least']:g} to {facts['greatest']:g}"
        return f"{span}; quartiles {low:g}, {middle:g}, {high:g}; mean {facts['mean']:.4g}"
    if "true" in facts:
        return f"true in {_share(facts['true'], facts['rows'] - facts['nulls'])}"
    return f"{facts['distinct']:,} values" if "distinct" in facts else ""


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "no rows"


def _baseline(path: Path) -> Iterator[str]:
    if not path.exists():
        return
    report = json.loads(path.read_text(encoding="utf-8"))
    yield "<h2>Baseline</h2>"
    yield (
        "<p>A small model, trained on the train split and judged on the later test split; no model to serve. Ranking"
        " measures take every row as if it stood first. Ranges: 95 of 100 draws of people with their rows.</p>"
    )
    for label, why in report["skipped"].items():
        yield f"<p><code>{escape(label)}</code> was left out: {escape(why)}.</p>"
    for found in report["labels"]:
        yield from _label(found)


def _label(found: Tree) -> Iterator[str]:
    verdict = "beats popularity in every measure" if found["beats_popularity"] else "does not clearly beat popularity"
    yield f"<h3><code>{escape(found['label'])}</code>: the {escape(found['model'])} {verdict}</h3>"
    if found["suspect"]:
        yield (
            "<p><strong>Too good to be true.</strong> People are not so predictable: look whether"
            f" <code>{escape(found['suspect'])}</code> knows the future.</p>"
        )
    counts = ", ".join(f"{split} {found['positives'][split]:,} of {found['rows'][split]:,}" for split in SPLITS)
    yield f"<p>Rows with the label: {counts}. Popularity is <code>{escape(found['popularity'])}</code>.</p>"
    best_first = sorted(found["figures"].items(), key=lambda item: -item[1]["roc_auc"]["value"])
    rows = [[escape(name), *_cells(figures)] for name, figures in best_first]
    rows.append(["<strong>better than popularity by</strong>", *_cells(found["margins"])])
    yield table_html(["", *_MEASURES.values()], rows)
    yield f"<h3>Calibration: expected error {found['calibration_error']:.2%}</h3>"
    yield reliability_svg(found["reliability"])
    yield table_html(
        ["rows", "promised", "observed", "range of chance"],
        [
            [
                f"{one['rows']:,}",
                f"{one['predicted']:.2%}",
                f"{one['observed']:.2%}",
                f"{one['least']:.2%} to {one['greatest']:.2%}",
            ]
            for one in found["reliability"]
        ],
    )
    yield "<h3>What it goes by</h3>"
    yield table_html(
        ["input", "AUC lost without it", "coefficient for one standard deviation"],
        [
            [
                f"<code>{escape(one['name'])}</code>",
                f"{one['loss_of_auc']:.4f}",
                escape(", ".join(f"{name} {value:+.3f}" for name, value in one["coefficients"].items())),
            ]
            for one in found["influences"][:15]
        ],
    )


def _cells(figures: Tree) -> list[str]:
    return [
        f"{figures[name]['value']:.4f} ({figures[name]['least']:.4f} to {figures[name]['greatest']:.4f})"
        if name in figures
        else ""
        for name in _MEASURES
    ]
