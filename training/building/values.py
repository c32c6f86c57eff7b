"""The value of each column as it was known at one time: SQL of a select list.

A label is NULL until its window has passed: nobody knew it. A true label whose fact was known later still is false, as
it was then. What the relation says beyond that (NULL: it cannot be told) stays.
"""

from datetime import datetime

from training.spec import DatasetSpec, Label, Relevance
from training.sql import literal, quoted


def column_sql(spec: DatasetSpec, column: str, known_by: datetime) -> str:
    """Return the expression of a dataset's column, with its name."""
    labels = {label.name: label for label in (*spec.labels, *spec.outcomes)}
    if column in labels:
        value = _label(labels[column], known_by)
    elif spec.relevance and column == spec.relevance.name:
        value = _relevance(spec.relevance, labels, known_by)
    else:
        return quoted(column)
    return f"{value} as {quoted(column)}"


def _mature(label: Label, known_by: datetime) -> str:
    return f"{quoted(label.since)} <= {literal(known_by - label.window)}"


def _true(label: Label, known_by: datetime) -> str:
    """Whether it was known to be true, of a label that is mature."""
    return f"{quoted(label.name)}" + (f" and {quoted(label.known)} < {literal(known_by)}" if label.known else "")


def _label(label: Label, known_by: datetime) -> str:
    value = quoted(label.name)
    if label.known:
        value = f"case when {value} then {quoted(label.known)} < {literal(known_by)} else {value} end"
    return f"case when {_mature(label, known_by)} then {value} end"


def _relevance(relevance: Relevance, labels: dict[str, Label], known_by: datetime) -> str:
    """Give the highest grade that is true. Where a label cannot be told, no lower grade than its own can either."""
    graded = [(labels[name], grade) for name, grade in relevance.grades]
    mature = " and ".join(_mature(label, known_by) for label, _ in graded)
    cases = " ".join(
        f"when {_true(label, known_by)} then {grade} when {quoted(label.name)} is null then null"
        for label, grade in graded
    )
    return f"case when {mature} then case {cases} else 0 end end"
