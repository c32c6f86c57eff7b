"""Runs contracts as Great Expectations suites over SQLAlchemy. Importing this module imports GX: do it late.

GX reports `success: False` also when an expectation could not be evaluated at all. Here that is a ChecksError: a
broken engine never looks like bad data, and never like good data either.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from orchestration.checks.contract import Contract, Rule
from orchestration.checks.engine import ExpectColumnsToHaveTypes, gx, type_word
from orchestration.checks.errors import ChecksError
from orchestration.checks.results import LandingResult, Outcome

KEY_SAMPLES = 5

logger = logging.getLogger(__name__)

_expectations: Any = gx.expectations
_conditions: Any = importlib.import_module("great_expectations.expectations.row_conditions")
_settings: Any = importlib.import_module("great_expectations.data_context.types.base")

# The first look at all rules wants an answer only: GX then counts all columns of a table in one query. With any
# more it asks one query for each rule, which takes three times as long.
_ANSWERS = {"result_format": "BOOLEAN_ONLY"}


def validate(engine: sa.Engine, contracts: Sequence[Contract], data_docs: Path | None = None) -> list[LandingResult]:
    """Check each contract. Raises ChecksError when an expectation could not be evaluated."""
    context = gx.get_context(
        mode="ephemeral",
        project_config=_settings.DataContextConfig(
            store_backend_defaults=_settings.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars={"globally": False, "metric_calculations": False},
        ),
    )
    datasources = {}
    for schema in {contract.schema: None for contract in contracts}:
        datasources[schema] = context.data_sources.add_warehouse(name=schema, relation_schema=schema)
        datasources[schema].use(engine)
    results = [_validate(context, datasources[contract.schema], engine, contract) for contract in contracts]
    if data_docs is not None:
        _build_data_docs(context, data_docs)
    return results


def _validate(context: Any, datasource: Any, engine: sa.Engine, contract: Contract) -> LandingResult:
    started = time.perf_counter()
    found_types = _found_types(engine, contract)
    if found_types is None:
        missing = Outcome("exists", "the relation exists", None, "critical", False, None, None, "it does not")
        return LandingResult(contract.relation, None, (missing,), time.perf_counter() - started)
    asset = datasource.add_table_asset(contract.relation, table_name=contract.table)
    batch = asset.add_batch_definition_whole_table("all")
    # Rules on a column that is missing or of another type have nothing to look at; the rule on types reports it.
    sound = {name for name, kind in contract.types.items() if found_types.get(name) == kind}
    rules = {rule.name: rule for rule in contract.rules if rule.column is None or sound.issuperset(rule.columns)}
    found = _run(context, batch, contract.relation, rules.values(), _ANSWERS)
    broken = [rules[name] for name, result in found.items() if not result.success]
    details = _details(context, batch, contract, broken, sound) if broken else {}
    rows = _count(engine, contract)
    outcomes = tuple(_outcome(rule, details.get(name), rows) for name, rule in rules.items())
    return LandingResult(contract.relation, rows, outcomes, time.perf_counter() - started)


def _found_types(engine: sa.Engine, contract: Contract) -> dict[str, str] | None:
    try:
        columns = sa.inspect(engine).get_columns(contract.table, schema=contract.schema)
    except sa.exc.NoSuchTableError:
        return None
    return {column["name"]: type_word(column["type"]) for column in columns}


def _run(
    context: Any, batch: Any, name: str, rules: Iterable[Rule], result_format: Mapping[str, Any]
) -> dict[str, Any]:
    """Run one suite; results by the rule's name, in the order of the rules."""
    suite = gx.ExpectationSuite(name=name, expectations=[_expected(rule) for rule in rules])
    definition = gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add_or_update(suite))
    result = context.validation_definitions.add_or_update(definition).run(result_format=dict(result_format))
    for one in result.results:
        _require_evaluated(name, one)
    return {one.expectation_config.meta["rule"]: one for one in result.results}


def _count(engine: sa.Engine, contract: Contract) -> int:
    table = sa.table(contract.table, schema=contract.schema)
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _details(context: Any, batch: Any, contract: Contract, broken: Sequence[Rule], sound: set[str]) -> dict[str, Any]:
    """Ask again for the rules that are broken: counts, and the keys of some rows. No other value leaves the table."""
    wanted = {
        "result_format": "COMPLETE",
        "partial_unexpected_count": KEY_SAMPLES,
        "exclude_unexpected_values": True,
        "return_unexpected_index_query": False,
    }
    if contract.key in sound:
        wanted["unexpected_index_column_names"] = [contract.key]
    return _run(context, batch, f"{contract.relation} broken", broken, wanted)


def _expected(rule: Rule) -> Any:
    words: dict[str, Any] = {"meta": {"rule": rule.name, "promise": rule.text}, "severity": rule.severity}
    if rule.column is not None:
        words["column"] = rule.column
    match rule.kind:
        case "types":
            return ExpectColumnsToHaveTypes(**words, **rule.arguments)
        case "rows":
            return _expectations.ExpectTableRowCountToBeBetween(**words, **rule.arguments)
        case "filled":
            return _expectations.ExpectColumnValuesToNotBeNull(**words)
        case "filled_when":
            condition = _conditions.Column(rule.arguments["other"]).is_in(rule.arguments["values"])
            return _expectations.ExpectColumnValuesToNotBeNull(**words, row_condition=condition)
        case "unique":
            return _expectations.ExpectColumnValuesToBeUnique(**words)
        case "one_of":
            return _expectations.ExpectColumnValuesToBeInSet(**words, **rule.arguments)
        case "between":
            return _expectations.ExpectColumnValuesToBeBetween(**words, **rule.arguments)


def _require_evaluated(relation: str, result: Any) -> None:
    information = result.exception_info or {}
    # One exception, or one for each metric that raised.
    for one in [information, *(value for value in information.values() if isinstance(value, dict))]:
        if one.get("raised_exception"):
            # The engine's own words may quote a value of the table: they go to the debug log only.
            logger.debug("relation=%s: %s", relation, one.get("exception_traceback"))
            raise ChecksError(
                f"{relation}: rule {result.expectation_config.meta['rule']!r} could not be checked, which says nothing"
                f" about the data ({_exception_name(one)}); see the debug log of {__name__} for the engine's words"
            )


def _exception_name(information: Mapping[str, Any]) -> str:
    """Take the last exception's class out of a traceback's text: `pkg.CatalogException: no table` -> its name."""
    lines = [line for line in str(information.get("exception_traceback")).splitlines() if line and line[0] != " "]
    return lines[-1].partition(":")[0].rpartition(".")[2] if lines else "unknown error"


def _outcome(rule: Rule, broken: Any | None, rows: int) -> Outcome:
    counts = {} if broken is None else broken.result
    observed = counts.get("observed_value")
    if rule.kind == "types" and observed:
        wrong = (f"{name} is {found or 'missing'}, promised {promised}" for name, (promised, found) in observed.items())
        observed = "; ".join(wrong)
    about_rows = rule.column is not None
    listed = counts.get("unexpected_index_list") or []  # lists of keys, in a dict, in a list
    return Outcome(
        name=rule.name,
        text=rule.text,
        column=rule.column,
        severity=rule.severity,
        success=broken is None,
        rows=counts.get("element_count", rows) if about_rows else None,
        unexpected=counts.get("unexpected_count", 0) if about_rows else None,
        observed=None if observed is None else str(observed),
        keys=tuple(sorted({str(key) for entry in listed for key in next(iter(entry.values()))}, key=_natural)),
    )


def _natural(key: str) -> tuple[int, str]:
    return len(key), key


def _build_data_docs(context: Any, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    context.add_data_docs_site(
        site_name="landing",
        site_config={
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(directory)},
        },
    )
    context.build_data_docs()
