"""The card, section by section."""

from training.card import columns, evidence, rows
from training.card.law import law
from training.card.markdown import Tree, section


def card_text(document: Tree) -> str:
    """Return the card of a manifest."""
    return "\n".join(
        [
            *_head(document),
            *evidence.succession(document),
            *rows.splits(document),
            *columns.labels(document),
            *rows.left_out(document),
            *columns.columns(document),
            *evidence.sources(document),
            *_checked(),
            *evidence.leakage(document),
            *evidence.drift(document),
            *evidence.lineage(document),
            *law(),
            *_use(document),
        ]
    )


def _head(document: Tree) -> list[str]:
    spec = document["inputs"]["spec"]
    return [
        f"# Dataset {document['name']} {document['id']}",
        "",
        spec["description"],
        "",
        f"- As of: {document['as_of']}; every row was known before",
        f"- That is: {_cut(document['cut'])}",
        f"- Built from: `{spec['relation']}`, warehouse cut {_cut(document['built_on'])}",
        f"- Built at: {document['built']['at']} by Flux {document['built']['code']}",
        f"- Logical hash: `{document['logical_hash']}`",
        f"- One row per `{spec['id']}`; ordered by `{spec['time']}`, `{spec['id']}`",
        "",
    ]


def _checked() -> list[str]:
    return section(
        "What was checked, and what was not",
        [
            "- Checked: ids are unique; every row of the relation is in exactly one split or left out with a reason; no"
            " protected attribute or direct identifier is a column; every file's hash is in the manifest; and what"
            " stands under Leakage.",
            "- Not checked here: fairness, which needs protected attributes and is measured in the schema `restricted`;"
            " whether the labels are what a good match is.",
        ],
    )


def _use(document: Tree) -> list[str]:
    return section(
        "Use",
        [
            "```python",
            "import training",
            "",
            f'dataset = training.open("{document["name"]}/{document["id"]}")  # below .flux/datasets, or give a path',
            "dataset.verify()",
            'rows = dataset.arrow("train")  # or dataset.pandas("train")',
            "```",
        ],
    )


def _cut(cut: Tree) -> str:
    return f"epoch {cut['epoch']}, position {cut['lsn']}, {cut['at']}"
