"""What the gate found: one finding a check, fit for the manifest. No value of a cell is in it, ids of rows are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.errors import LeakageError
from training.spec import DatasetSpec

# Each check that runs on every dataset before it is published. docs/leakage.md says what each is for.
CHECKS = (
    "spine_cardinality",
    "origins",
    "oracle",
    "label_times",
    "single_feature",
    "lineage",
    "split_overlap",
    "cross_tenant",
    "consent",
    "protected",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. `passed` is None where it could not be judged; `evidence` then has the reason."""

    check: str
    passed: bool | None
    evidence: Mapping[str, Any]  # Any: a JSON tree of counts and names

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"check": self.check, "passed": self.passed, "evidence": dict(self.evidence)}


def unjudged(check: str, reason: str) -> Finding:
    """Return the finding of a check that this build cannot answer."""
    return Finding(check, None, {"reason": reason})


def refuse(findings: Sequence[Finding], spec: DatasetSpec) -> None:
    """Raise LeakageError when a check failed; what could not be judged is told on the card, not refused."""
    failed = [finding for finding in findings if finding.passed is False]
    if failed:
        first = ", ".join(f"{name} {value}" for name, value in failed[0].evidence.items())
        raise LeakageError(
            f"dataset {spec.name!r} is not published: it fails {', '.join(finding.check for finding in failed)}"
            f" of the leakage gate ({failed[0].check}: {first}); mend the model or the specification and build again",
            tuple(failed),
        )
