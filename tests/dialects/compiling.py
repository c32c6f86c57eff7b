"""Compile a dbt project as it would be for another warehouse. No connection is opened, to that warehouse or any.

    python -m tests.dialects.compiling PROJECT HOME WAREHOUSE...            in the main environment
    python -m tests.dialects.compiling PROJECT HOME WAREHOUSE --adapter     where its own adapter is installed

Without --adapter it is DuckDB's adapter, with the dispatch of macros (and the quotes of relations) of the other
warehouse: dbt's own macros are then the default ones, so a macro that a model uses must be ours. HOME/WAREHOUSE/first
gets every model and test as of a first build, HOME/WAREHOUSE/again the incremental models as of a second one.

A process of its own, since dbt changes its process for good.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # Any: dbt ships no types

from dbt.adapters.base.impl import BaseAdapter
from dbt.adapters.base.relation import BaseRelation
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.factory import get_adapter_by_type
from dbt.cli.main import dbtRunner
from dbt.context.providers import BaseDatabaseWrapper, generate_runtime_macro_context
from dbt_common.clients.agate_helper import table_from_rows

PROFILES = Path(__file__).parent / "profiles"

STATES = (("first", ()), ("again", ("--select", "config.materialized:incremental")))


def compile_for(project: Path, home: Path, warehouses: Sequence[str], adapter: bool) -> None:
    """Write the compiled SQL for each warehouse; raises RuntimeError with what dbt said."""
    os.environ["DBT_WAREHOUSE_PATH"] = str(home / "empty.duckdb")
    places = ["--project-dir", str(project), "--profiles-dir", str(PROFILES), "--log-path", str(home / "logs")]
    if adapter:
        places += ["--target", warehouses[0]]
    else:
        _dispatch_as(warehouses[0])  # what a config asks a macro for is fixed here
    manifest = _done(dbtRunner().invoke(["parse", *places, "--target-path", str(home / "parsed")]))
    grows = any(node.config.materialized == "incremental" for node in manifest.nodes.values())
    for warehouse in warehouses:
        if not adapter:
            _dispatch_as(warehouse)
        for state, selected in STATES if grows else STATES[:1]:
            _ask_nobody(state == "again")
            command = ["compile", *places, "--target-path", str(home / warehouse / state), *selected]
            command += ["--no-populate-cache", "--exclude", "resource_type:unit_test", "--quiet"]
            _done(dbtRunner(manifest=manifest.deepcopy()).invoke(command))
    if adapter:
        _tell(home / warehouses[0], warehouses[0], manifest)


def _done(outcome: Any) -> Any:
    if not outcome.success:
        said = [str(result.message) for result in getattr(outcome.result, "results", ()) if result.status == "error"]
        raise RuntimeError("\n".join(said) or str(outcome.exception))
    return outcome.result


def _dispatch_as(warehouse: str) -> None:
    BaseDatabaseWrapper._get_adapter_macro_prefixes = lambda self: [warehouse, "default"]  # type: ignore[method-assign]
    quote = "`" if warehouse == "bigquery" else '"'
    BaseRelation.quoted = lambda self, identifier: f"{quote}{identifier}{quote}"  # type: ignore[method-assign]


def _tell(home: Path, warehouse: str, manifest: Any) -> None:
    """Write the strategies of incremental models, and the empty query of each contract as the adapter makes it."""
    adapter = get_adapter_by_type(warehouse)  # type: ignore[no-untyped-call]
    adapter.set_macro_resolver(manifest)
    adapter.set_macro_context_generator(generate_runtime_macro_context)
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    used = {m.name: m.config.incremental_strategy for m in models if m.config.materialized == "incremental"}
    (home / "strategies.json").write_text(json.dumps(used), encoding="utf-8")
    contracts = {}
    for model in (model for model in models if model.contract.enforced):
        columns = {name: column.to_dict() for name, column in model.columns.items()}
        for column in columns.values():  # as dbt does before any macro sees them
            column["data_type"] = adapter.Column.translate_type(column["data_type"])
        adapter.execute_macro("translate_contract", kwargs={"columns": columns})
        contracts[model.name] = str(adapter.execute_macro("get_empty_schema_sql", kwargs={"columns": columns}))
    (home / "contracts.json").write_text(json.dumps(contracts), encoding="utf-8")


def _ask_nobody(found: bool) -> None:
    """Let adapters answer each query with no rows, and that every relation is there or that none is."""

    def get_relation(self: Any, database: str, schema: str, identifier: str) -> Any:
        return self.Relation.create(database, schema, identifier, type="table") if found else None

    def execute(self: Any, sql: str, *arguments: Any, **options: Any) -> Any:
        return AdapterResponse("not asked"), table_from_rows([], ["nothing"])

    pending = [BaseAdapter]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        for answer in (get_relation, execute):
            if answer.__name__ in vars(kind):
                setattr(kind, answer.__name__, answer)


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--adapter"]
    compile_for(Path(given[0]), Path(given[1]), given[2:], "--adapter" in sys.argv)
