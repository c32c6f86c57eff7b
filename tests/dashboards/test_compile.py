"""Cards name their models by reference only, and read nothing but marts and reporting."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboards.checks import check_query, check_sources
from dashboards.compile import compile_sql, relations_of_manifest, relations_of_warehouse
from dashboards.errors import DefinitionError
from dashboards.loader import load_definitions
from tests.dashboards.small import RELATIONS, YAML, connection, write

PATH = Path("cards/weekly.sql")


def test_reference_becomes_the_quoted_relation() -> None:
    query = compile_sql(
        "select 1 from {{ ref('rpt_weekly') }} join {{ref(\"fct_rows\")}} using (id);\n", RELATIONS, path=PATH
    )
    assert query.sql == 'select 1 from "reporting"."rpt_weekly" join "marts"."fct_rows" using (id)'
    assert query.refs == ("rpt_weekly", "fct_rows")


@pytest.mark.parametrize(
    ("sql", "line", "message"),
    [
        ("select 1\nfrom {{ ref('rpt_weakly') }}", 2, "model 'rpt_weakly' does not exist; did you mean 'rpt_weekly'?"),
        ("select 1\nfrom {{ source('a', 'b') }}", 2, "tag \"{{ source('a', 'b') }}\" is unknown"),
        ("{% if true %}select 1{% endif %}", 1, "is unknown; a card may only use {{ ref('model') }}"),
        ("select 1", 1, "the card reads no model"),
    ],
)
def test_wrong_tag_is_reported_with_its_line(sql: str, line: int, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_sql(sql, RELATIONS, path=PATH)
    assert str(caught.value).startswith(f"cards/weekly.sql:{line}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "select 1 from {{ ref('stg_app__rows') }}",
            "the card reads 'staging.stg_app__rows'; cards of its audience may read marts and reporting only",
        ),
        (
            "select 1 from {{ ref('fct_rows') }}, marts.fct_rows_2",
            "the card names 'marts.fct_rows_2' directly; use {{ ref('fct_rows_2') }}",
        ),
        (
            "select (select max(a) from raw_app.users) from {{ ref('fct_rows') }}",
            "the card names 'raw_app.users' directly",
        ),
        ("delete from {{ ref('fct_rows') }}", "a card is one SELECT"),
        ("select 1 from {{ ref('fct_rows') }}; select 2", "a card is one SELECT"),
        ("select from where {{ ref('fct_rows') }} (", "the SQL cannot be parsed: syntax error"),
        (
            "select 1 from {{ ref('fct_rows') }}, read_csv('/etc/passwd')",
            "the card calls 'read_csv', which reads from outside",
        ),
        ("select 1 from {{ ref('fct_rows') }}, 'rows.csv'", "the card names 'rows.csv' directly"),
    ],
)
def test_query_that_reads_what_it_must_not_is_refused(sql: str, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        check_query(compile_sql(sql, RELATIONS, path=PATH), path=PATH)
    assert message in str(caught.value)


def test_common_table_expressions_are_no_relations() -> None:
    sql = (
        "with weeks as (select * from {{ ref('rpt_weekly') }}) select week from weeks as a join weeks as b using (week)"
    )
    check_query(compile_sql(sql, RELATIONS, path=PATH), path=PATH)


def test_reconciliation_is_checked_like_a_card(tmp_path: Path) -> None:
    reconcile = "      reconcile: {column: rows_made, equals: select 1 from {{ ref('rpt_weakly') }}}\n"
    write(
        tmp_path,
        YAML.replace(
            "      not_null: [week]\n",
            "      not_null: [week]\n" + reconcile.replace("select", '"select').replace(" }}}", ' }}"}'),
        ),
    )
    with pytest.raises(DefinitionError, match="model 'rpt_weakly' does not exist"):
        check_sources(load_definitions(tmp_path), RELATIONS)


def test_relations_come_from_a_dbt_manifest(tmp_path: Path) -> None:
    nodes = {
        "model.flux.fct_rows": {
            "resource_type": "model",
            "name": "fct_rows",
            "schema": "marts",
            "alias": "fct_rows",
            "config": {},
        },
        "model.flux.v": {
            "resource_type": "model",
            "name": "v",
            "schema": "marts",
            "alias": "v_1",
            "config": {"materialized": "view"},
        },
        "model.flux.e": {"resource_type": "model", "name": "e", "schema": "m", "config": {"materialized": "ephemeral"}},
        "test.flux.t": {"resource_type": "test", "name": "t", "schema": "tests", "config": {}},
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"nodes": nodes}), encoding="utf-8")
    assert relations_of_manifest(path) == {"fct_rows": "marts.fct_rows", "v": "marts.v_1"}


def test_relations_come_from_a_warehouse_without_a_manifest() -> None:
    assert relations_of_warehouse(connection()) == {"fct_rows": "marts.fct_rows", "rpt_weekly": "reporting.rpt_weekly"}
