"""Writes a specification as plain JSON: what the manifest stores and the id is made from.

What a specification leaves out is left out here, so that a key that is added to the grammar changes no id.
"""

from typing import Any

from training.spec.definition import DatasetSpec, Feature, Label, Split
from training.spec.durations import duration_text

Tree = dict[str, Any]  # Any: a JSON tree


def document(spec: DatasetSpec) -> Tree:
    """Return what `parse_spec` reads back."""
    written: Tree = {
        "name": spec.name,
        "description": spec.description,
        "relation": spec.relation,
        "id": spec.id,
        "time": spec.time,
        "known": spec.known,
        "context": [_column(column) for column in spec.context],
        "features": [_column(column) for column in spec.features],
        "labels": [{**_label(label), "required": label.required} for label in spec.labels],
        "exclude": [{"when": rule.when, "reason": rule.reason} for rule in spec.exclude],
        "split": _split(spec.split),
        "seed": spec.seed,
    }
    chosen = {
        "subject": spec.subject,
        "left_out": spec.left_out,
        "before_log": spec.before_log,
        "history_gaps": spec.history_gaps,
        "horizon": duration_text(spec.horizon) if spec.horizon else None,
        "outcomes": [_label(outcome) for outcome in spec.outcomes],
    }
    written |= {key: value for key, value in chosen.items() if value}
    if spec.relevance:
        written["relevance"] = {**_column(spec.relevance), "grades": dict(spec.relevance.grades)}
    if spec.negatives:
        keep = {kind: "all" if number is None else number for kind, number in spec.negatives.keep}
        written["negatives"] = {"column": spec.negatives.column, "keep": keep}
        if spec.negatives.per:
            written["negatives"]["per"] = spec.negatives.per
    return written


def _column(column: Feature | Any) -> Tree:  # Any: all that has a name and a description
    return {"name": column.name, "description": column.description}


def _label(label: Label) -> Tree:
    return {
        **_column(label),
        "window": duration_text(label.window),
        "since": label.since,
        **({"known": label.known} if label.known else {}),
    }


def _split(split: Split) -> Tree:
    return {
        "kind": split.kind,
        "train": split.train,
        "valid": split.valid,
        "test": split.test,
        "embargo": duration_text(split.embargo),
        **({"by": split.by} if split.by else {}),
        **({"holdout": split.holdout} if split.holdout else {}),
    }
