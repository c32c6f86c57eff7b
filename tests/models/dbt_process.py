"""Run one dbt command after the other: a process of dbt costs three CPU seconds before it runs anything.

    python -m tests.models.dbt_process PARSE...

PARSE are the arguments of a first `dbt parse`. Then reads a JSON list of arguments a line from stdin, runs it with what
was parsed, and answers a line: empty, or what went wrong. What dbt says goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any  # Any: dbt ships no types

from dbt.cli.main import dbtRunner

from orchestration.models.runner import close_connections


def main(parse: list[str]) -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    outcome = dbtRunner().invoke(["parse", *parse])
    manifest: Any = outcome.result
    close_connections()
    print(_complaint(outcome), file=answers, flush=True)
    for line in sys.stdin:
        try:
            outcome = dbtRunner(manifest=manifest).invoke(json.loads(line))
        finally:
            close_connections()  # whoever asked opens the file next
        print(_complaint(outcome), file=answers, flush=True)


def _complaint(outcome: Any) -> str:
    if outcome.success:
        return ""
    nodes = getattr(outcome.result, "results", ())
    said = [f"{one.node.name}: {one.message}" for one in nodes if one.status in ("error", "fail", "warn")]
    return json.dumps([str(outcome.exception), *said])


if __name__ == "__main__":
    main(sys.argv[1:])
