"""Whether a relation fits its specification: the columns are there and of the right kind."""

import pyarrow as pa

from training.errors import SpecError
from training.spec import DatasetSpec, nearest


def check(spec: DatasetSpec, schema: pa.Schema) -> None:
    """Raise SpecError, with the line of the specification, where the relation is not what the specification says."""
    made = {spec.relevance.name} if spec.relevance else set()
    drawn = [name for name in (spec.negatives.column, spec.negatives.per) if name] if spec.negatives else []
    used = dict.fromkeys((*(name for name in spec.columns if name not in made), *spec.moments, *spec.flags, *drawn))
    missing = [column for column in used if column not in schema.names]
    if missing:
        place = f"{spec.places[missing[0]]}: " if missing[0] in spec.places else ""
        raise SpecError(
            f"{place}{spec.relation} has no column {missing[0]!r}{nearest(missing[0], schema.names)}"
            + (f" (and {len(missing) - 1} more are missing: {', '.join(missing[1:])})" if missing[1:] else "")
        )
    for column in spec.moments:
        kind = schema.field(column).type
        if not pa.types.is_timestamp(kind) or kind.tz is None:
            raise SpecError(f"{spec.relation}.{column} has type {kind}; it must be a timestamp with time zone")
    graded = {name for name, _ in spec.relevance.grades} if spec.relevance else set()
    truths = [label.name for label in (*spec.labels, *spec.outcomes) if label.known or label.name in graded]
    for column in dict.fromkeys((*spec.flags, *truths)):
        if not pa.types.is_boolean(schema.field(column).type):
            raise SpecError(f"{spec.relation}.{column} has type {schema.field(column).type}; it must be a boolean")
