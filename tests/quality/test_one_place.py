"""Each rule lives in one place, and each table that matters has a contract. Over the files alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from orchestration.checks.contract import LANDING, OUTGOING, Contract, load_contracts

PROJECT = Path(__file__).parents[2] / "dbt_project"
SQL = {path.stem: path.read_text(encoding="utf-8") for path in (PROJECT / "models").rglob("*.sql")}
TESTS = [path.read_text(encoding="utf-8") for path in (PROJECT / "tests").glob("*.sql")]
MARTS = ("dim_", "fct_", "rpt_", "ml_")
# Reads every table to count its rows: that some mart knows how many there are is no reason for a contract.
COUNTS = "stg_flux__relations"

Promise = tuple[str, str, str]  # model, column, kind of rule


def promised_here(contracts: Iterable[Contract]) -> set[Promise]:
    """What Great Expectations checks, by the model whose column it is: of a raw table, its staging model's."""
    found: set[Promise] = set()
    for contract in contracts:
        staged = staging_of(contract)
        names = renamed(SQL[staged]) if staged else {}
        for rule in contract.rules:
            columns = contract.types if rule.kind == "types" else [rule.column] if rule.column else []
            found |= {(staged or contract.table, names.get(column, column), rule.kind) for column in columns}
    return found


def promised_by_dbt() -> set[Promise]:
    """What dbt checks: keys, its own generic tests, the types of enforced contracts, bounds in singular tests."""
    found: set[Promise] = set()
    for path in (PROJECT / "models").rglob("*.yml"):
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for model in document.get("models", ()):
            name, columns = model["name"], [column["name"] for column in model["columns"]]
            if name.startswith(MARTS) and "restricted" not in path.parts:
                found |= {(name, column, "types") for column in columns}
            for test in model.get("data_tests", ()):
                if "primary_key" in test:
                    found |= {(name, column, "filled") for column in test["primary_key"]["arguments"]["columns"]}
            found |= {(name, column["name"], kind) for column in model["columns"] for kind in kinds_of(column)}
            found |= {(name, column, "between") for column in columns if bounded(name, column)}
    return found


def kinds_of(column: dict[str, object]) -> Iterator[str]:
    """Kinds of dbt's own column tests."""
    for test in column.get("data_tests", ()):  # type: ignore[attr-defined]  # YAML
        kind = test if isinstance(test, str) else next(iter(test))
        yield {"not_null": "filled", "accepted_values": "one_of"}.get(kind, kind)


def bounded(model: str, column: str) -> bool:
    """Tell whether a singular test of the model compares the column with a number."""
    comparison = re.compile(rf"\b{column} *[<>]=? *-?\d")
    return any(f"ref('{model}')" in test and comparison.search(test) for test in TESTS)


def staging_of(contract: Contract) -> str | None:
    for source, schema in (("app", "raw_app"), ("segment", "raw_segment"), ("restricted", "restricted")):
        if contract.schema == schema:
            return f"stg_{source}__{contract.table}"
    return None


def renamed(sql: str) -> dict[str, str]:
    """Columns of a source by the names that staging gives them."""
    return dict(re.findall(r"^ +(\w+) as (\w+),?$", sql, re.MULTILINE))


def test_no_rule_is_both_a_dbt_test_and_an_expectation() -> None:
    assert promised_here(load_contracts()) & promised_by_dbt() == set()
    assert promised_here(load_contracts(OUTGOING)) & promised_by_dbt() == set()


def test_a_double_would_be_found(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(
        "raw_app.clients: {key: slug, columns: {id: bigint, slug: text}}\n"
        "reporting.rpt_overview_weekly: {key: hire_count, columns: {hire_count: integer, week_starts_on: date}}\n"
        "reporting.rpt_client_health_weekly: {key: health_score, columns: {health_score: {between: [0, 100]}}}\n",
        encoding="utf-8",
    )

    assert promised_here(load_contracts(path)) & promised_by_dbt() == {
        ("stg_app__clients", "client_id", "filled"),
        ("rpt_overview_weekly", "hire_count", "types"),
        ("rpt_overview_weekly", "week_starts_on", "types"),
        ("rpt_overview_weekly", "week_starts_on", "filled"),
        ("rpt_client_health_weekly", "health_score", "between"),
    }


def test_keys_of_contracts_are_the_models_keys() -> None:
    """What is left to dbt's primary_key is what it tests."""
    keys = {(model, column) for model, column, kind in promised_by_dbt() if kind == "filled"}
    for contract in (*load_contracts(), *load_contracts(OUTGOING)):
        staged = staging_of(contract)
        names = renamed(SQL[staged]) if staged else {}
        model = staged or contract.table
        assert {(model, names.get(name, name)) for name in contract.key} == {one for one in keys if one[0] == model}


def test_every_table_that_a_mart_reads_has_a_contract() -> None:
    schemas = {"app": "raw_app", "app_history": "raw_app", "segment": "raw_segment", "restricted": "restricted"}
    read = {
        f"{schemas[source]}.{table}"
        for model in upstream(name for name in SQL if name.startswith(MARTS))
        for source, table in re.findall(r"source\('(\w+)', '(\w+)'\)", SQL[model])
        if source in schemas and model != COUNTS
    }
    assert read - {contract.relation for contract in load_contracts(LANDING)} == set()


def test_every_report_that_nothing_but_readers_reads_has_a_contract_on_its_way_out() -> None:
    """What another report is made of is judged there, and what is restricted by its own tests."""
    read = {name for sql in SQL.values() for name in refs(sql)}
    restricted = ("rpt_bias_", "rpt_match_label_counts")
    reports = {name for name in SQL if name.startswith("rpt_") and not name.startswith(restricted)}
    assert reports - read == {c.table for c in load_contracts(OUTGOING) if c.schema == "reporting"}


def upstream(models: Iterable[str]) -> set[str]:
    """These models and all that they read, at any distance."""
    found: set[str] = set()
    waiting = list(models)
    while waiting:
        model = waiting.pop()
        if model in SQL and model not in found:
            found.add(model)
            waiting += refs(SQL[model])
    return found


def refs(sql: str) -> list[str]:
    return re.findall(r"ref\('(\w+)'\)", sql)
