"""Which checks of the gate refuse a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any  # Any: dbt's manifest

from tests.training.examples import CUT, DuckDB
from training import DatasetSpec, LeakageError, build_dataset
from training.gate import Finding, run_gate


def judged(
    connection: DuckDB,
    spec: DatasetSpec,
    out: Path,
    *,
    as_of: datetime | None = None,
    models: Mapping[str, Any] | None = None,
) -> dict[str, Finding]:
    """Build a dataset below `out` and return the findings of its gate by check."""
    report = build_dataset(connection, spec, as_of=as_of, out=out, cut=CUT)
    found = run_gate(connection, spec, report.directory, as_of=report.as_of, models=models)
    return {finding.check: finding for finding in found}


def refused(connection: DuckDB, spec: DatasetSpec, out: Path, *, as_of: datetime | None = None) -> set[str]:
    """Return the names of the checks that refuse a dataset; none when it is built."""
    try:
        found = judged(connection, spec, out, as_of=as_of)
    except LeakageError as error:
        return {finding.check for finding in error.findings}
    return {name for name, finding in found.items() if finding.passed is False}
