"""Our own definitions: what is loaded, for whom, and what describes them. (Wrong ones: `test_mistakes`.)"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from dashboards.checks import check_sources
from dashboards.dry_run import check_results
from dashboards.errors import DefinitionError
from dashboards.loader import load_definitions
from dashboards.model import GRID_COLUMNS
from dashboards.schema import audiences_schema, dashboard_schema
from tests.dashboards.small import YAML, write
from tests.dashboards.warehouse import DEFINITIONS, METRICS, all_columns

LEADERSHIP = ["overview", "hiring_funnel", "matching_quality", "supply_and_demand"]
ANALYSTS = ["data_health", "usage", "costs"]


def test_missing_sql_file_names_the_nearest_one(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "cards" / "weekly.sql").rename(tmp_path / "cards" / "weeekly.sql")
    with pytest.raises(DefinitionError, match=r"card 'weekly' has no SQL: .* did you mean 'weeekly'"):
        load_definitions(tmp_path)


def test_directory_without_dashboards_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="there is no dashboard here"):
        load_definitions(tmp_path)


def test_the_dashboards_load_in_the_order_of_their_pages() -> None:
    definitions = load_definitions(DEFINITIONS, METRICS)
    assert [dashboard.key for dashboard in definitions.dashboards] == [*LEADERSHIP, *ANALYSTS, "fairness"]
    for dashboard in definitions.dashboards:
        assert all(sum(cell.width for cell in row) == GRID_COLUMNS for row in dashboard.rows)
        assert all(card.definition for card in dashboard.cards.values())


@pytest.mark.parametrize(
    ("audience", "pages"),
    [("leadership", LEADERSHIP), ("analysts", [*LEADERSHIP, *ANALYSTS]), ("fairness", ["fairness"])],
)
def test_each_audience_has_its_pages(audience: str, pages: list[str]) -> None:
    part = load_definitions(DEFINITIONS, METRICS).of(audience)
    assert [dashboard.key for dashboard in part.dashboards] == pages
    assert {card.sql_name for dashboard in part.dashboards for card in dashboard.cards.values()} == set(part.sql)


def test_what_is_shared_reads_the_published_warehouse_alone() -> None:
    shared = load_definitions(DEFINITIONS, METRICS).shared()
    assert [dashboard.key for dashboard in shared.dashboards] == [*LEADERSHIP, "data_health", "costs"]


@pytest.mark.parametrize(
    ("name", "made"), [("schema.json", dashboard_schema()), ("audiences.schema.json", audiences_schema())]
)
def test_schema_for_editors_is_that_of_the_dataclasses(name: str, made: dict[str, Any]) -> None:
    written = (DEFINITIONS / name).read_text(encoding="utf-8")
    assert json.loads(written) == made, f"python -m dashboards.schema writes {name} anew"


def test_definitions_meet_their_schema_and_name_it() -> None:
    checks = {"audiences.yaml": "audiences.schema.json"}
    for path in DEFINITIONS.glob("*.yaml"):
        name = checks.get(path.name, "schema.json")
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# yaml-language-server: $schema={name}\n")
        schema = json.loads((DEFINITIONS / name).read_text(encoding="utf-8"))
        jsonschema_rs.validate(schema, yaml.load(text, Loader=yaml.CSafeLoader))


def test_schema_finds_an_unknown_key(tmp_path: Path) -> None:
    wrong = yaml.safe_load(YAML.replace("    title: Weekly\n", "    titel: Weekly\n"))
    with pytest.raises(jsonschema_rs.ValidationError, match="titel"):
        jsonschema_rs.validate(dashboard_schema(), wrong)


def test_every_card_returns_what_it_draws_and_expects() -> None:
    definitions = load_definitions(DEFINITIONS, METRICS)
    columns = all_columns()
    relations = {relation.partition(".")[2]: relation for relation in columns}
    check_results(definitions, check_sources(definitions, relations), relations, columns)
