"""What depends on each relation, of a manifest as dbt writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orchestration.costs.dependents import dependents


def node(kind: str, schema: str, alias: str, *reads: str, materialized: str = "table", **more: Any) -> dict[str, Any]:
    return {
        "resource_type": kind,
        "schema": schema,
        "alias": alias,
        "identifier": alias,
        "name": alias,
        "config": {"materialized": materialized},
        "depends_on": {"nodes": list(reads)},
        **more,
    }


def test_models_builds_tests_pages_and_sets_depend(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    document = {
        "sources": {"source.x": node("source", "raw_app", "x")},
        "nodes": {
            "model.v": node("model", "staging", "v", "source.x", materialized="view"),
            "model.w": node("model", "staging", "w", "model.v", materialized="view"),
            "model.a": node("model", "marts", "a", "model.w", "model.v"),
            "model.b": node("model", "reporting", "b", "model.a", materialized="incremental"),
            "test.key": node("test", "tests", "key_of_a", "model.a", attached_node="model.a"),
            "test.own": node("test", "tests", "assert_all", "model.b", "model.a", attached_node=None),
            "test.none": node("test", "tests", "assert_nothing", attached_node=None),
        },
        "exposures": {"exposure.overview": {"name": "overview", "depends_on": {"nodes": ["model.b"]}}},
    }
    manifest.write_text(json.dumps(document))
    found = [tuple(row.values()) for row in dependents(manifest).to_pylist()]
    assert len(found) == len(set(found))
    assert {row for row in found if row[1] != "dataset"} == {
        ("raw_app.x", "model", "staging.v"),
        ("staging.v", "model", "staging.w"),
        ("staging.w", "model", "marts.a"),
        ("staging.v", "model", "marts.a"),
        ("marts.a", "model", "reporting.b"),
        ("raw_app.x", "build", "marts.a"),
        ("marts.a", "build", "reporting.b"),
        ("marts.a", "test", "key_of_a"),
        ("reporting.b", "test", "assert_all"),
        ("reporting.b", "dashboard", "overview"),
    }
    assert ("ml.ml_match_examples_v2", "dataset", "match") in found
