"""The few things of a specification that may be asked for otherwise: another seed, another horizon, fewer labels."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from training.errors import SpecError
from training.spec.definition import DatasetSpec
from training.spec.nearest import nearest


def overridden(
    spec: DatasetSpec,
    *,
    seed: int | None = None,
    horizon: timedelta | None = None,
    labels: Collection[str] | None = None,
) -> DatasetSpec:
    """Return the specification with what is not None in place of its own.

    `labels` keeps these alone, and of the relevance the grades of these.
    """
    if seed is not None:
        spec = replace(spec, seed=seed)
    if horizon is not None:
        spec = replace(spec, horizon=horizon)
    if labels is not None:
        known = [label.name for label in spec.labels]
        for name in labels:
            if name not in known:
                raise SpecError(f"{spec.name!r} has no label {name!r}{nearest(name, known)}")
        if not labels:
            raise SpecError(f"no label of {spec.name!r} is left; name at least one of {', '.join(known)}")
        kept = tuple(label for label in spec.labels if label.name in labels)
        grades = tuple(grade for grade in (spec.relevance.grades if spec.relevance else ()) if grade[0] in labels)
        relevance = replace(spec.relevance, grades=grades) if spec.relevance and grades else None
        spec = replace(spec, labels=kept, relevance=relevance)
    return spec
