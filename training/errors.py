"""The errors of `training`.

TrainingError
├── SpecError               a specification that cannot be read, or that does not fit its relation
├── AsOfError               an as-of time that the warehouse cannot answer for
├── BuildError              the relation's rows break a promise (duplicate ids, unsupported types)
├── RebuildError            a dataset cannot be built again as it was, and not for want of people who left
├── LeakageError            a dataset that knows the future, mixes clients or holds whom it must not: not published
├── DatasetNotFoundError    no such dataset directory, id or name
├── DatasetChangedError     a file of a finished dataset is not what its manifest says
├── LoaderError             what a loader cannot make of a dataset, or a state that belongs to another loader
├── FormatError             what a format cannot say, or a place where an export cannot stand
└── BaselineError           the baseline cannot be trained: an extra is missing, or the set is too small
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.gate.finding import Finding


class TrainingError(Exception):
    """Any failure of `training`; its text says what to do."""


class SpecError(TrainingError):
    """A dataset specification is wrong, or names what its relation does not have."""


class AsOfError(TrainingError):
    """The as-of time is later than what the warehouse has seen, or is not a time in UTC."""


class BuildError(TrainingError):
    """The relation's rows cannot become a dataset."""


class RebuildError(TrainingError):
    """Building a dataset again gives other rows, and more than people who left differs."""


class LeakageError(TrainingError):
    """The leakage gate refuses a dataset; `findings` are the checks that failed."""

    def __init__(self, message: str, findings: "tuple[Finding, ...]") -> None:
        super().__init__(message)
        self.findings = findings


class DatasetNotFoundError(TrainingError):
    """No dataset has this path, id or name."""


class DatasetChangedError(TrainingError):
    """A finished dataset no longer matches its manifest; `paths` names the files."""

    def __init__(self, message: str, paths: tuple[str, ...]) -> None:
        super().__init__(message)
        self.paths = paths


class LoaderError(TrainingError):
    """A loader was asked for what it cannot give."""


class FormatError(TrainingError):
    """A dataset cannot be exported as it was asked."""


class BaselineError(TrainingError):
    """The baseline cannot be trained on this dataset, or not with what is installed."""
