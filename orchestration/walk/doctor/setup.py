"""Looks at what Flux itself stands on: packages in the versions that were tested together, this machine's clock."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from orchestration.walk.doctor.check import PROBLEM, Check, well
from orchestration.walk.observing import Document

_PACKAGE = "flux-data-platform"
_AHEAD_SECONDS = 60.0


def checks(document: Document, complaints: Sequence[str]) -> Iterator[Check]:
    """Look at settings, versions and clock."""
    for complaint in complaints:
        what, _, mend = complaint.partition("; ")
        subject = re.findall(r"FLUX_\w+", what)
        yield Check("setting_wrong", PROBLEM, f"{what}: every other command refuses to run", mend, "".join(subject[:1]))
    if not complaints:
        yield well("setting_wrong", "all are known, and can be meant")
    yield from _versions()
    if document["written_at"] is not None:
        ahead = datetime.fromisoformat(document["written_at"]).timestamp() - time.time()
        if ahead > _AHEAD_SECONDS:
            yield Check(
                "clock_jumped", PROBLEM,
                f"this machine's clock was set back: the loader's last word is {ahead:,.0f} s in the future, so lags "
                "and ages are wrong",
                "set it by NTP; data are right, for their order is that of commits", subject="this machine",
            )  # fmt: skip


def _versions() -> Iterator[Check]:
    wrong = []
    for line in requires(_PACKAGE) or ():
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is not installed")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} is {found}, tested with {requirement.specifier}")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        yield Check(
            "version_unsupported", PROBLEM, "; ".join(wrong[:3]) + more, "run: make install", subject="packages"
        )
    else:
        yield well("version_unsupported", "packages are those that were tested together", subject="packages")
