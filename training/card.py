"""CARD.md: the dataset in words, for whoever trains on it or has to defend it.

Pure: manifest in, Markdown out. It says nothing that the manifest cannot prove, and names what was not checked.
"""

from collections.abc import Iterable, Mapping
from typing import Any


def card_text(document: Mapping[str, Any]) -> str:
    """Return the card of a manifest."""
    spec = document["inputs"]["spec"]
    return "\n".join(
        [
            f"# Dataset {document['name']} {document['id']}",
            "",
            spec["description"],
            "",
            f"- As of: {document['as_of']}; every row's time lies before it",
            f"- Built from: `{spec['relation']}`, warehouse cut {_cut(document['cut'])}",
            f"- Built at: {document['built']['at']} by Flux {document['built']['code']}",
            f"- Logical hash: `{document['logical_hash']}`",
            f"- One row per `{spec['id']}`; ordered by `{spec['time']}`, `{spec['id']}`",
            "",
            "## Splits",
            "",
            *_table(
                ("split", "rows", "from", "to"),
                (
                    (name, f"{split['rows']:,}", split["first"] or "", split["last"] or "")
                    for name, split in document["splits"].items()
                ),
            ),
            "",
            _split_rule(spec),
            "",
            "## Labels",
            "",
            "A label is NULL where its window had not passed by the as-of time: unknown, not negative.",
            "",
            *_table(("label", "window", "split", "mature", "NULL", "base rate"), _label_rows(document, spec)),
            "",
            "## Left out",
            "",
            *_table(("reason", "rows"), ((reason, f"{rows:,}") for reason, rows in document["exclusions"].items())),
            "",
            "## Columns",
            "",
            *_table(("column", "part", "type", "meaning"), _column_rows(document, spec)),
            "",
            "## What was checked, and what was not",
            "",
            "- Checked: ids are unique; every row of the relation is in exactly one split or left out with a reason;"
            " no protected attribute or direct identifier is a column; every file's hash is in the manifest.",
            "- Taken from the model, not checked here: that each feature was known before the row's time, and that"
            " consent is honoured.",
            "- Not measured yet: drift against an earlier dataset, leakage by single features, fairness.",
            "",
            "## Use",
            "",
            "```python",
            "import training",
            "",
            f'dataset = training.open("{document["name"]}/{document["id"]}")  # below .flux/datasets, or give a path',
            "dataset.verify()",
            'rows = dataset.arrow("train")  # or dataset.pandas("train")',
            "```",
            "",
        ]
    )


def _cut(cut: Mapping[str, Any]) -> str:
    return f"epoch {cut['epoch']}, position {cut['lsn']}, {cut['at']}"


def _split_rule(spec: Mapping[str, Any]) -> str:
    split = spec["split"]
    shares = f"{split['train']:g} / {split['valid']:g} / {split['test']:g}"
    if split["kind"] == "entity":
        return f"By a hash of `{split['by']}` seeded with {spec['seed']}: shares {shares}; nobody is in two splits."
    return (
        f"By time: shares {shares} of the eligible rows; rows whose label windows begin in the {split['embargo']}"
        " before a boundary are left out, because these were still open when the next split began."
    )


def _label_rows(document: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    for label in spec["labels"]:
        for name, split in document["splits"].items():
            rate = split["labels"][label["name"]]
            shown = "none mature" if rate["base_rate"] is None else f"{rate['base_rate']:.4g}"
            yield (
                f"`{label['name']}`",
                f"{label['window']} after `{label['since']}`",
                name,
                f"{rate['mature']:,}",
                f"{rate['immature']:,}",
                shown,
            )


def _column_rows(document: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    types = {column["name"]: column["type"] for column in document["schema"]}
    parts = (
        ("key", [{"name": spec["id"], "description": "the row"}]),
        ("time", [{"name": spec["time"], "description": "when the row's features were taken"}]),
        ("context", spec["context"]),
        ("feature", spec["features"]),
        ("label", spec["labels"]),
    )
    for part, columns in parts:
        for column in columns:
            yield (f"`{column['name']}`", part, types[column["name"]], column["description"])


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [header, tuple("---" for _ in header), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
