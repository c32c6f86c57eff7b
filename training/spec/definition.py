"""What a specification says, as plain values.

Times of knowledge are the point of it. A row counts from when it was known (`known`), a label from when its window has
passed and the fact that makes it true was known (`Label.known`): so a set as of last month is the same whether it is
pulled last month, today or in a year.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

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

IS_BEFORE_LOG = "is_before_log"  # the columns that `before_log` and `history_gaps` are about
IS_IN_HISTORY_GAP = "is_in_history_gap"


@dataclass(frozen=True, slots=True)
class Label:
    """A column that becomes known later: a label, or an outcome that weighs or explains labels.

    Its value is known once `window` has passed since the time in the column `since`. Where a fact can be known later
    still (an event that came late), the column `known` says when: until then what is true is false, as it was then.
    """

    name: str
    window: timedelta
    since: str
    known: str | None = None
    required: bool = False  # a row whose label is not mature is left out, and counted, instead of given NULL
    description: str = ""


@dataclass(frozen=True, slots=True)
class Relevance:
    """A graded label made from others: the highest grade among those that are true, 0 where none is."""

    name: str
    grades: tuple[tuple[str, int], ...]  # label and grade, the highest grade first
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
class Negatives:
    """Which kinds of rows are kept, and how many of each for one value of `per`; None: all there are.

    Which ones is decided by a hash of seed and id, so that the choice is the same on every engine. A row's sampling
    probability is a column of the relation and stays with it.
    """

    column: str
    keep: tuple[tuple[str, int | None], ...]
    per: str | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """How rows become train, valid and test.

    `time`: by the row's time, at quantiles of the rows; rows whose label windows begin in the `embargo` before the next
    split are left out, and a label whose window is longer than that is NULL where it reaches into the next split.
    `entity`: by a seeded hash of the column `by`, so that no entity is in two splits.
    `holdout`: rows where this boolean column is true are tested on and never learned from.
    """

    kind: Literal["time", "entity"]
    train: float
    valid: float
    test: float
    embargo: timedelta
    by: str | None = None
    holdout: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """One dataset's definition. Row grain: one row of `relation`, unique by `id`.

    `time` is when the features were taken; `known` is when the row itself came to be known (an impression is
    scored first and seen later), `time` where the two are one. `subject` is the column that says whom a row is about.
    `left_out` is a relation of what the models withheld before for want of consent, for the card to count and a rebuild
    to ask: columns `reason`, the one named by `known`, and the subject.
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
    subject: str | None = None
    outcomes: tuple[Label, ...] = ()
    relevance: Relevance | None = None
    negatives: Negatives | None = None
    before_log: Literal["exclude", "events"] | None = None  # None: the relation does not tell
    history_gaps: Literal["exclude", "flag"] | None = None
    left_out: str | None = None
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)  # file and line of each column

    @property
    def anchors(self) -> tuple[str, ...]:
        """The columns from which label windows run, each once."""
        return tuple(dict.fromkeys(label.since for label in (*self.labels, *self.outcomes)))

    @property
    def targets(self) -> tuple[str, ...]:
        """What a model may learn to predict: the labels, and the relevance made from them."""
        return (*(label.name for label in self.labels), *((self.relevance.name,) if self.relevance else ()))

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the dataset, in their order: id, time, context, features, labels, relevance, outcomes."""
        return (
            self.id,
            self.time,
            *(column.name for column in self.context),
            *(column.name for column in self.features),
            *self.targets,
            *(outcome.name for outcome in self.outcomes),
        )

    @property
    def moments(self) -> tuple[str, ...]:
        """The columns of the relation that must be times."""
        known = (label.known for label in (*self.labels, *self.outcomes) if label.known)
        return tuple(dict.fromkeys((self.time, self.known, *self.anchors, *known)))

    @property
    def flags(self) -> tuple[str, ...]:
        """The columns of the relation that must be booleans and decide where a row goes."""
        chosen = {IS_BEFORE_LOG: self.before_log, IS_IN_HISTORY_GAP: self.history_gaps}
        named = (*(rule.when for rule in self.exclude), *(name for name, choice in chosen.items() if choice))
        return tuple(dict.fromkeys((*named, *((self.split.holdout,) if self.split.holdout else ()))))
