"""Run one dbt command after the other: a process of dbt costs three CPU seconds before it runs anything.

    python -m tests.models.dbt_process

Reads an `Order` as JSON a line from stdin, runs it, and answers a line: its number, and what went wrong, if anything.
What dbt says goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, TypedDict  # Any: dbt ships no types

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumuro_decoder

from orchestration.models.runner import close_connections


class Order(TypedDict):
    """One command. With `parsed` dbt reads no files of the project: see `manifest`."""

    arguments: list[str]
    environment: dict[str, str]
    directory: str
    parsed: str | None
    database: str


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    usual = dict(os.environ)
    known: tuple[object, Any] = (None, None)
    for number, line in enumerate(sys.stdin, 1):
        order: Order = json.loads(line)
        os.environ.clear()
        os.environ.update(usual | order["environment"])
        os.chdir(order["directory"])
        one = order["directory"], order["database"], order["parsed"]
        if known[0] != one:
            known = one, order["parsed"] and manifest(Path(order["parsed"]), order["database"])
        try:
            outcome = dbtRunner(manifest=known[1]).invoke(order["arguments"])
        finally:
            close_connections()  # whoever asked opens the file next
        print(number, _complaint(outcome), file=answers, flush=True)


def manifest(parsed: Path, database: str) -> Any:
    """Return what a `dbt parse` left in partial_parse.msgpack, for another database of the same adapter.

    dbt itself would read all files again for another host, port or name of a database.
    """
    found: Any = Manifest.from_msgpack(parsed.read_bytes(), decoder=extended_mashumuro_decoder)
    for node in (*found.nodes.values(), *found.sources.values()):
        if node.relation_name is not None:
            node.relation_name = node.relation_name.replace(f'"{node.database}"', f'"{database}"', 1)
        node.database = database
    found.build_parent_and_child_maps()
    found.build_flat_graph()
    return found


def _complaint(outcome: Any) -> str:
    if outcome.success:
        return ""
    nodes = getattr(outcome.result, "results", ())
    said = [f"{one.node.name}: {one.message}" for one in nodes if one.status in ("error", "fail", "warn")]
    return json.dumps([str(outcome.exception), *said])


if __name__ == "__main__":
    main()
