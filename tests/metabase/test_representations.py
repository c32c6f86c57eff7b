"""What is exported passes Metabase's own validator of its YAML, and a mistake in it does not."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dashboards.loader import load_definitions
from dashboards.metabase.export import export_yaml
from dashboards.metabase.wanted import Item, layout
from dashboards.model import Tab
from tests.dashboards.metabase.test_models import made
from tests.dashboards.warehouse import DEFINITIONS, METRICS
from tests.metabase.conftest import HERE

Items = dict[str, Item]


@pytest.fixture
def validator() -> Path:
    if shutil.which("node") is None:
        pytest.skip("no Node: install version 20 or newer, then run 'make test-metabase'")
    found = HERE / "node_modules" / "@metabase" / "representations" / "dist" / "bin" / "cli.js"
    if not found.is_file():
        pytest.skip("Metabase's validator is not installed: run 'make test-metabase'")
    return found


def judged(validator: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    words = ["node", str(validator), "validate-schema", "--folder", str(folder)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def test_every_exported_file_is_valid(items: Items, validator: Path, tmp_path: Path) -> None:
    files = export_yaml(items, "Flux", tmp_path)
    assert len(files) == len(set(files)) == len(items)

    done = judged(validator, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert str(len(files)) in done.stdout


def test_tabs_and_models_are_valid_too(items: Items, validator: Path, tmp_path: Path) -> None:
    overview = next(one for one in load_definitions(DEFINITIONS, METRICS).dashboards if one.key == "overview")
    tabs = (Tab("At a glance", 1), Tab("In detail", len(overview.rows) - 1))
    board = items["dashboard:overview"]
    fields = {**board.fields, "tabs": [tab.title for tab in tabs], "layout": layout(replace(overview, tabs=tabs), [])}
    tabbed = items | {board.id: replace(board, fields=fields)} | made(tmp_path)
    export_yaml(tabbed, "Flux", tmp_path / "out")

    done = judged(validator, tmp_path / "out")

    assert done.returncode == 0, done.stdout + done.stderr
    [file] = (tmp_path / "out").rglob("overview_dashboard.yaml")
    said = yaml.safe_load(file.read_text())
    assert [one["name"] for one in said["tabs"]] == ["At a glance", "In detail"]
    known = {one["entity_id"] for one in said["tabs"]}
    assert {one["dashboard_tab_id"][1] for one in said["dashcards"]} == known
    [model] = (tmp_path / "out").rglob("model_clients.yaml")
    assert yaml.safe_load(model.read_text())["type"] == "model"


def test_the_validator_sees_a_mistake(items: Items, validator: Path, tmp_path: Path) -> None:
    [file] = [path for path in export_yaml(items, "Flux", tmp_path) if path.stem == "applications_weekly"]
    file.write_text(file.read_text().replace("display: bar", "display: barr"))
    assert judged(validator, tmp_path).returncode != 0
