"""Every number of the marts, recomputed in plain Python over the raw tables."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.models.oracles import ORACLES
from tests.models.oracles.source import Oracle, Source

MODELS = Path(__file__).parents[2] / "dbt_project" / "models"
WINDOWS = sorted((*(MODELS / "marts").rglob("*.yml"), *(MODELS / "restricted").glob("rpt_*.yml")))
MAY_IMPORT = {
    *("__future__", "collections", "dataclasses", "datetime", "decimal", "duckdb", "fractions", "functools", "hashlib"),
    *("itertools", "math", "pandas", "re", "scipy", "statistics", "tests", "typing", "zoneinfo"),
}


@pytest.fixture(scope="module")
def warehouse(built_unruly: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_unruly), read_only=True) as connection:
        connection.execute("SET TimeZone='UTC'")
        yield connection


@pytest.fixture(scope="module")
def source(warehouse: duckdb.DuckDBPyConnection) -> Source:
    return Source(warehouse)


@pytest.mark.slow
@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.relation)
def test_a_mart_has_the_rows_that_plain_python_finds(
    oracle: Oracle, warehouse: duckdb.DuckDBPyConnection, source: Source
) -> None:
    assert oracle.differences(warehouse, source) == (0, 0)
    assert warehouse.execute(f"select count(*) from {oracle.relation}").fetchall() >= [(1,)]


def test_every_mart_has_an_oracle_and_every_report_one_of_all_its_columns() -> None:
    known = {oracle.relation.partition(".")[2]: set(oracle.columns) for oracle in ORACLES}
    assert len(known) == len(ORACLES)
    assert set(known) == {path.stem for path in WINDOWS}
    for path in WINDOWS:
        (model,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        columns = {column["name"] for column in model["columns"]}
        assert known[path.stem] <= columns, path.stem
        assert known[path.stem] == columns or not path.stem.startswith("rpt_"), path.stem


def test_oracles_read_raw_tables_only() -> None:
    with duckdb.connect() as connection:
        for relation in ("staging.stg_app__members", "intermediate.int_client_weeks", "restricted.int_bias_counts"):
            with pytest.raises(ValueError, match="is no raw table"):
                Source(connection).rows(relation)


def test_oracles_share_nothing_with_the_models() -> None:
    for path in (Path(__file__).parent / "oracles").glob("*.py"):
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        names = [node.module for node in tree if isinstance(node, ast.ImportFrom) and node.module]
        assert {name.partition(".")[0] for name in names} <= MAY_IMPORT, path.name
        assert all(name.startswith("tests.models.oracles") for name in names if name.startswith("tests")), path.name
