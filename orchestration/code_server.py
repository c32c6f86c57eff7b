"""Dagster's code server, as `python -m orchestration.code_server ARGUMENT...` (those of `dagster api grpc`).

Runs are its children and die with it. So whatever seems under way when one starts is dead, and is said to be so.
"""

from __future__ import annotations

import sys

import dagster as dg
from dagster._cli import main as dagster_command

from orchestration.dead_runs import bury_the_dead


def main() -> None:
    """Bury what a former server left, then serve."""
    with dg.DagsterInstance.get() as instance:
        bury_the_dead(instance)
    sys.argv[1:] = ["api", "grpc", *sys.argv[1:]]
    dagster_command()  # type: ignore[no-untyped-call]  # its own


if __name__ == "__main__":
    main()
