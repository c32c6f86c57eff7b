"""Runs contracts as Great Expectations suites over SQLAlchemy. Importing this module imports GX: do it late.

GX reports `success: False` also when an expectation could not be evaluated at all. Here that is a ChecksError: a
broken engine never looks like bad data, and never like good data either.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from orchestration.checks.contract import Contract, Rule
from orchestration.checks.engine import gx, type_word
from orchestration.checks.errors import ChecksError
from orchestration.checks.expectations import ExpectColumnsToHaveTypes, ExpectMeasureToBeBetween
from orchestration.checks.results import LandingResult, Outcome

KEY_SAMPLES = 5

_expectations: Any = gx.expectations
_conditions: Any = importlib.import_module("great_expectations.expectations.row_conditions")
_settings: Any = importlib.import_module("great_expectations.data_context.types.base")

# The first look at all rules wants an answer only: GX then counts all columns of a table in one query. With any
# more it asks one query for each rule, which takes three times as long.
_ANSWERS = {"result_format": "BOOLEAN_ONLY"}


# Takes a result, and GX's own of the same suite, None where there was nothing to validate.
Hear = Callable[[LandingResult, Any], None]


def validate(engine: sa.Engine, contracts: Sequence[Contract], hear: Hear | None = None) -> list[LandingResult]:
    """Check each contract. Raises ChecksError when the engine failed.

    `hear` gets each result as it comes.
    """
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
    results = []
    for contract in contracts:
        try:
            result, told = _validate(context, datasources[contract.schema], engine, contract)
        except sa.exc.SQLAlchemyError as error:  # of our own questions; GX's are told by its result
            raise ChecksError(
                f"{contract.relation}: its columns or rows could not be read, which says nothing about the data"
                f" ({type(error).__name__})"
            ) from error
        results.append(result)
        if hear is not None:
            hear(result, told)
    return results


def _validate(context: Any, datasource: Any, engine: sa.Engine, contract: Contract) -> tuple[LandingResult, Any]:
    started = time.perf_counter()
    found_types = _found_types(engine, contract)
    if found_types is None:
        missing = Outcome("exists", "the relation exists", None, "critical", False, None, None, "it does not")
        return LandingResult(contract.relation, None, (missing,), time.perf_counter() - started), None
    asset = datasource.add_table_asset(contract.relation, table_name=contract.table)
    batch = asset.add_batch_definition_whole_table("all")
    # Rules on a column that is missing or of another type have nothing to look at; the rule on types reports it.
    sound = {name for name, kind in found_types.items() if contract.types.get(name, kind) == kind}
    rules = {rule.name: rule for rule in contract.rules if rule.column is None or sound.issuperset(rule.columns)}
    told = _run(context, batch, contract.relation, rules.values(), _ANSWERS)
    found = _by_rule(told)
    broken = [rules[name] for name, result in found.items() if not result.success]
    details = _details(context, batch, contract, broken, sound) if broken else {}
    rows = _count(engine, contract)
    outcomes = tuple(_outcome(contract, rule, found[name], details.get(name), rows) for name, rule in rules.items())
    outcomes += tuple(_without_column(rule) for rule in contract.rules if _lacks_column(contract, rule, found_types))
    for name, result in found.items():
        result.result = _kept(rules[name], rows)
    told.results = [details.get(name, result) for name, result in found.items()]
    return LandingResult(contract.relation, rows, outcomes, time.perf_counter() - started), told


def _found_types(engine: sa.Engine, contract: Contract) -> dict[str, str] | None:
    try:
        columns = sa.inspect(engine).get_columns(contract.table, schema=contract.schema)
    except sa.exc.NoSuchTableError:
        return None
    return {column["name"]: type_word(column["type"]) for column in columns}


def _run(context: Any, batch: Any, name: str, rules: Iterable[Rule], result_format: Mapping[str, Any]) -> Any:
    """Run one suite and return GX's result of it."""
    suite = gx.ExpectationSuite(name=name, expectations=[_expected(rule) for rule in rules])
    definition = gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add_or_update(suite))
    result = context.validation_definitions.add_or_update(definition).run(result_format=dict(result_format))
    for one in result.results:
        _require_evaluated(name, one)
    return result


def _by_rule(result: Any) -> dict[str, Any]:
    """Give the results by the rule's name, in the order of the rules."""
    return {one.expectation_config.meta["rule"]: one for one in result.results}


def _count(engine: sa.Engine, contract: Contract) -> int:
    table = sa.table(contract.table, schema=contract.schema)
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _details(context: Any, batch: Any, contract: Contract, broken: Sequence[Rule], sound: set[str]) -> dict[str, Any]:
    """Ask again for the rules that are broken: counts, and the keys of some rows. No other value leaves the table."""
    wanted = {
        "result_format": "SUMMARY",  # a complete one fetches every broken value
        "partial_unexpected_count": KEY_SAMPLES,
        "exclude_unexpected_values": True,
        "return_unexpected_index_query": False,
    }
    # Of what is restricted not even that a certain person's row is odd.
    if sound.issuperset(contract.key) and not contract.schema.startswith("restricted"):
        wanted["unexpected_index_column_names"] = list(contract.key)
    return _by_rule(_run(context, batch, f"{contract.relation} broken", broken, wanted))


def _expected(rule: Rule) -> Any:
    words: dict[str, Any] = {"meta": {"rule": rule.name, "promise": rule.text}, "severity": rule.severity}
    if rule.column is not None:
        words["column"] = rule.column
    match rule.kind:
        case "types":
            return ExpectColumnsToHaveTypes(**words, **rule.arguments)
        case "measure":
            return ExpectMeasureToBeBetween(**words, **rule.arguments)
        case "rows":
            return _expectations.ExpectTableRowCountToBeBetween(**words, **rule.arguments)
        case "filled":
            return _expectations.ExpectColumnValuesToNotBeNull(**words)
        case "filled_when":
            condition = _conditions.Column(rule.arguments["other"]).is_in(rule.arguments["values"])
            return _expectations.ExpectColumnValuesToNotBeNull(**words, row_condition=condition)
        case "one_of":
            return _expectations.ExpectColumnValuesToBeInSet(**words, **rule.arguments)
        case "between":
            return _expectations.ExpectColumnValuesToBeBetween(**words, **rule.arguments)


def _require_evaluated(relation: str, result: Any) -> None:
    information = result.exception_info or {}
    # One exception, or one for each metric that raised.
    for one in [information, *(value for value in information.values() if isinstance(value, dict))]:
        if one.get("raised_exception"):
            broken = ChecksError(
                f"{relation}: rule {result.expectation_config.meta['rule']!r} could not be checked, which says nothing"
                f" about the data ({_exception_name(one)}); FLUX_DEBUG=1 shows the engine's words"
            )
            broken.engine_words = str(one.get("exception_traceback"))
            raise broken


def _exception_name(information: Mapping[str, Any]) -> str:
    """Take the last exception's class out of a traceback's text: `pkg.CatalogException: no table` -> its name."""
    lines = [line for line in str(information.get("exception_traceback")).splitlines() if line and line[0] != " "]
    return lines[-1].partition(":")[0].rpartition(".")[2] if lines else "unknown error"


def _kept(rule: Rule, rows: int) -> dict[str, Any]:
    """Say for Data Docs what a kept promise found, which the quick look did not ask."""
    if rule.column is not None:
        return {"element_count": rows, "unexpected_count": 0, "unexpected_percent": 0.0}
    return {"observed_value": rows if rule.kind == "rows" else rule.arguments.get("value")}


def _outcome(contract: Contract, rule: Rule, found: Any, broken: Any | None, rows: int) -> Outcome:
    """`found` says whether the promise was kept; `broken`, asked for when it was not, by which rows."""
    counts = {} if broken is None else broken.result
    observed = counts.get("observed_value")
    if rule.kind == "measure" and (value := found.expectation_config.kwargs.get("value")) is not None:
        observed = f"{value:,.10g}"
    if rule.kind == "types" and observed:
        wrong = (f"{name} is {found or 'missing'}, promised {promised}" for name, (promised, found) in observed.items())
        observed = "; ".join(wrong)
    about_rows = rule.column is not None
    listed = counts.get("partial_unexpected_index_list") or []  # by column of the key, the values of the rows
    sampled = (row for entry in listed for row in zip(*(entry[name] for name in contract.key), strict=True))
    return Outcome(
        name=rule.name,
        text=rule.text,
        column=rule.column,
        severity=rule.severity,
        success=broken is None,
        rows=counts.get("element_count", rows) if about_rows else None,
        unexpected=counts.get("unexpected_count", 0) if about_rows else None,
        observed=None if observed is None else str(observed),
        keys=tuple(sorted({" ".join(map(str, row)) for row in sampled}, key=_natural)[:KEY_SAMPLES]),
    )


def _lacks_column(contract: Contract, rule: Rule, found_types: Mapping[str, str]) -> bool:
    """Tell whether a rule has nothing to look at and no promise of a type says so."""
    return any(name not in found_types and name not in contract.types for name in rule.columns)


def _without_column(rule: Rule) -> Outcome:
    return Outcome(rule.name, rule.text, rule.column, rule.severity, False, None, None, "the column is missing")


def _natural(key: str) -> tuple[int, str]:
    return len(key), key
