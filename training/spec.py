"""The specification of a dataset: which relation, which columns are features, which are labels, how it is split.

Plain values; `spec_file` reads them from YAML. Durations are written as whole numbers of `d`, `h` or `m`:
`14d`, `24h`, `90m`.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

SPLITS = ("train", "valid", "test")

# Never a column of a dataset, whatever a model offers: protected attributes (GDPR article 9, LL144) and direct
# identifiers. The restricted schema keeps them; this list is the last door, not the first.
FORBIDDEN_COLUMNS = frozenset(
    (
        *("sex", "gender", "race", "race_ethnicity", "ethnicity", "age_band", "date_of_birth", "birth_date"),
        *("disability", "veteran", "religion"),
        *("email", "name", "full_name", "first_name", "last_name", "phone", "employee_number", "cover_note"),
        *("member_id", "user_id", "sso_subject"),  # a dataset knows people by subject_key, which erasure can break
    )
)


@dataclass(frozen=True, slots=True)
class Label:
    """A column to predict; its value is known once `window` has passed since the time in the column `since`."""

    name: str
    window: timedelta
    since: str
    required: bool = False  # a row whose label is not mature is left out, and counted, instead of given NULL
    description: str = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """A column that was known before the row's time."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Rows that are left out, and counted, because the boolean column `when` is true."""

    when: str
    reason: str


@dataclass(frozen=True, slots=True)
class Split:
    """How rows become train, valid and test.

    `time`: by the row's time, at quantiles of the rows; rows with a label that could still change `embargo`
    before the next split begins are left out. `entity`: by a seeded hash of the column `by`, so that no entity
    is in two splits.
    """

    kind: Literal["time", "entity"]
    train: float
    valid: float
    test: float
    embargo: timedelta
    by: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """One dataset's definition. Row grain: one row of `relation`, unique by `id`.

    `time` is when the features were taken; `known` is when the row itself came to be known (an impression is
    scored first and seen later), `time` where the two are one.
    """

    name: str
    description: str
    relation: str
    id: str
    time: str
    known: str
    context: tuple[Feature, ...]
    features: tuple[Feature, ...]
    labels: tuple[Label, ...]
    exclude: tuple[Exclusion, ...]
    split: Split
    horizon: timedelta | None
    seed: int

    @property
    def anchors(self) -> tuple[str, ...]:
        """The columns from which label windows run, each once."""
        return tuple(dict.fromkeys(label.since for label in self.labels))

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the dataset, in their order: id, time, context, features, labels."""
        return (
            self.id,
            self.time,
            *(column.name for column in self.context),
            *(column.name for column in self.features),
            *(label.name for label in self.labels),
        )

    def to_json(self) -> dict[str, Any]:  # Any: a JSON tree
        """Return the specification as plain JSON; what the manifest stores and the id is made from."""
        return {
            "name": self.name,
            "description": self.description,
            "relation": self.relation,
            "id": self.id,
            "time": self.time,
            "known": self.known,
            "context": [{"name": c.name, "description": c.description} for c in self.context],
            "features": [{"name": c.name, "description": c.description} for c in self.features],
            "labels": [
                {
                    "name": label.name,
                    "window": duration_text(label.window),
                    "since": label.since,
                    "required": label.required,
                    "description": label.description,
                }
                for label in self.labels
            ],
            "exclude": [{"when": rule.when, "reason": rule.reason} for rule in self.exclude],
            "split": {
                "kind": self.split.kind,
                "train": self.split.train,
                "valid": self.split.valid,
                "test": self.split.test,
                "embargo": duration_text(self.split.embargo),
                **({"by": self.split.by} if self.split.by else {}),
            },
            **({"horizon": duration_text(self.horizon)} if self.horizon else {}),
            "seed": self.seed,
        }


def duration_text(duration: timedelta) -> str:
    """Write a duration the way a specification does, in the largest whole unit."""
    minutes = int(duration.total_seconds()) // 60
    if minutes % 1440 == 0:
        return f"{minutes // 1440}d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
