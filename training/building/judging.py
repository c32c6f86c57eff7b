"""What a set is held against once its rows are written, before anybody may read it: the leakage gate, the set before.

A set that fails the gate is not published. Drift is told, never refused: the world may move.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from training.connection import Connection
from training.drift import drift
from training.earlier import earlier
from training.gate import refuse, run_gate
from training.spec import DatasetSpec


def judge(
    connection: Connection, spec: DatasetSpec, directory: Path, out: Path, *, as_of: datetime, models: Path | None
) -> dict[str, Any]:  # Any: a JSON tree
    """Return what the manifest keeps: `leakage` and `drift`. Raises LeakageError.

    The set before is the newest one of the name below `out` whose as-of time is earlier.
    """
    findings = run_gate(connection, spec, directory, as_of=as_of, models=models)
    refuse(findings, spec)
    before = earlier(spec.name, as_of, out)
    return {
        "leakage": [finding.to_json() for finding in findings],
        "drift": drift(before[0], directory) if before else None,
    }
