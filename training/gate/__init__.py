"""The leakage gate: what a dataset must not know, judged on the dataset itself before it is published.

    findings = run_gate(connection, spec, directory, as_of=as_of, models=manifest)
    refuse(findings, spec)  # raises LeakageError

`docs/leakage.md` lists what is checked here, and what only a history made on purpose can show (tests/training/gate).
"""

from training.gate.finding import CHECKS, Finding, refuse
from training.gate.origins import Origins, origins_of
from training.gate.run import run_gate

__all__ = ["CHECKS", "Finding", "Origins", "origins_of", "refuse", "run_gate"]
