"""Each macro that differs between warehouses gives the same values on DuckDB and on Postgres, in any session.

What it becomes for BigQuery and Snowflake is read by the judge of statements; it is not run.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg
import pytest
import yaml

from tests.dialects.cases import CASES
from tests.dialects.grammar import TYPES, faults
from tests.dialects.run import PROJECT, compile_project, statements

pytestmark = pytest.mark.slow
HELPERS = r"""
{% macro of(value, type) -%}
    cast({{ 'null' if value is none else literal(value | string) }} as {{ type_name(type) }})
{%- endmacro %}
{% macro literal(value) -%} {{ return(adapter.dispatch('literal', 'flux')(value)) }} {%- endmacro %}
{% macro default__literal(value) -%} '{{ value }}' {%- endmacro %}
{% macro bigquery__literal(value) -%} r'{{ value }}' {%- endmacro %}
{% macro snowflake__literal(value) -%} $${{ value }}$$ {%- endmacro %}
{% macro m(value=none) -%} {{ of(value, 'timestamptz') }} {%- endmacro %}
{% macro d(value=none) -%} {{ of(value, 'date') }} {%- endmacro %}
{% macro t(value=none) -%} {{ of(value, 'text') }} {%- endmacro %}
{% macro i(value=none) -%} {{ of(value, 'bigint') }} {%- endmacro %}
{% macro x(value=none) -%} {{ of(value, 'double precision') }} {%- endmacro %}
{% macro column(values) -%}
    {% for value in values %}select {{ i(value) }} as x{% if not loop.last %} union all {% endif %}{% endfor %}
{%- endmacro %}
{% macro j(value) -%} {{ return(adapter.dispatch('j', 'flux')(value)) }} {%- endmacro %}
{% macro default__j(value) -%} cast('{{ value }}' as json) {%- endmacro %}
{% macro bigquery__j(value) -%} parse_json('{{ value }}') {%- endmacro %}
{% macro snowflake__j(value) -%} parse_json('{{ value }}') {%- endmacro %}
"""
Run = Callable[[str], Sequence[Sequence[object]]]
Compiled = dict[str, dict[tuple[str, int], str]]
ALL = [(name, number) for name, cases in CASES.items() for number in range(len(cases))]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Statement of each case by warehouse, from a project that has our macros and the cases as models."""
    home = tmp_path_factory.mktemp("macros")
    project = home / "project"
    shutil.copytree(PROJECT / "macros", project / "macros", ignore=shutil.ignore_patterns("rows_per_client.sql"))
    settings = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    (project / "dbt_project.yml").write_text(yaml.safe_dump({**settings, "models": {}, "seeds": {}}), encoding="utf-8")
    (project / "macros" / "of_cases.sql").write_text(HELPERS, encoding="utf-8")
    (project / "models").mkdir()
    for name, cases in CASES.items():
        queries = [call if "found" in call else f"select {{{{ {call} }}}} as found" for call, _ in cases]
        (project / "models" / f"{name}.sql").write_text("\n;;\n".join(queries), encoding="utf-8")
    types = " ".join(f"{{{{ type_name('{name}') }}}};" for name in data_types())
    (project / "models" / "types.sql").write_text(types, encoding="utf-8")
    compile_project(home, "duckdb", "postgres", "bigquery", "snowflake", project=project)
    return {
        warehouse: {
            (Path(place).stem, number): query
            for place, text in statements(home, warehouse).items()
            for number, query in enumerate(text.split("\n;;\n"))
        }
        for warehouse in ("duckdb", "postgres", "bigquery", "snowflake")
    }


def data_types() -> list[str]:
    """Types that contracts and models use."""
    contracts = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "models").rglob("*.yml"))
    models = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "models").rglob("*.sql"))
    found = {
        *re.findall(r"data_type: \"?([a-z ]+(?:\([\d, ]+\)|\[\])?)", contracts),
        *re.findall(r"type_name\('([^']+)'", models),
    }
    return sorted(found)


@pytest.fixture(scope="module")
def on_duckdb() -> Iterator[Run]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'Asia/Tokyo'")
        yield lambda query: connection.execute(query).fetchall()


@pytest.fixture
def on_postgres(database: str) -> Iterator[Run]:
    with psycopg.connect(database, options="-c timezone=Asia/Tokyo") as connection:
        yield lambda query: connection.execute(query).fetchall()


def plain(value: object) -> object:
    """A value as the cases write it."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return float(f"{value:.12g}") if isinstance(value, float) else value


def differing(run: Run, queries: dict[tuple[str, int], str]) -> list[tuple[str, object, object]]:
    found = []
    for name, number in ALL:
        call, wanted = CASES[name][number]
        ((value,),) = run(queries[name, number])
        if plain(value) != wanted:
            found.append((call, plain(value), wanted))
    return found


def test_macros_give_these_values_on_duckdb(compiled: Compiled, on_duckdb: Run) -> None:
    assert differing(on_duckdb, compiled["duckdb"]) == []


def test_macros_give_these_values_on_postgres(compiled: Compiled, on_postgres: Run) -> None:
    assert differing(on_postgres, compiled["postgres"]) == []


@pytest.mark.parametrize("warehouse", ["bigquery", "snowflake"])
def test_macros_are_in_the_dialect_of_warehouses_that_do_not_run_here(compiled: Compiled, warehouse: str) -> None:
    found = {case: faults(compiled[warehouse][case], warehouse) for case in ALL}
    assert {case: wrong for case, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("warehouse", ["bigquery", "snowflake"])
def test_types_of_contracts_are_those_of_the_warehouse(compiled: Compiled, warehouse: str) -> None:
    names = [name.strip() for name in compiled[warehouse]["types", 0].strip().strip(";").split(";")]
    assert len(names) == len(data_types()) > 8
    assert [name for name in names if not TYPES[warehouse].fullmatch(name)] == []


def test_every_macro_that_differs_between_warehouses_has_cases() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "macros").rglob("*.sql"))
    dispatched = set(re.findall(r"dispatch\('(\w+)', 'flux'\)", text))
    assert dispatched - CASES.keys() == {
        *("type_name", "columns_of_all", "replace_by_key"),
        *("kept", "comment_query", "set_comment"),
    }
