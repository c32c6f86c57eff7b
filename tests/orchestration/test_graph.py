"""The asset graph: the golden list, what every asset tells, what each job runs.

REGENERATE=1 writes assets.txt anew: read the difference before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from orchestration.alerts.rules import RULES

GOLDEN = Path(__file__).with_name("assets.txt")


def golden_lines(definitions: dg.Definitions) -> list[str]:
    """One line an asset: `key <- deps [group, checks]`; very many dependencies are counted only.

    What begins with nothing (raw tables, machinery) shares a line with its like.
    """
    assets = definitions.resolve_asset_graph()
    checks: dict[dg.AssetKey, int] = {}
    for check in assets.asset_check_keys:
        checks[check.asset_key] = checks.get(check.asset_key, 0) + 1
    lines: list[str] = []
    alike: dict[str, list[str]] = {}
    for key in sorted(assets.get_all_asset_keys()):
        node = assets.get(key)
        parents = sorted(parent.to_user_string() for parent in node.parent_keys)
        deps = ", ".join(parents) if len(parents) <= 20 else f"{len(parents)} assets"
        group = node.group_name or ""
        told = f" <- {deps or '-'} [{group}, {checks.get(key, 0)} checks]"
        if deps:
            lines.append(key.to_user_string() + told)
        else:
            alike.setdefault(told, []).append(key.to_user_string())
    return sorted(lines + [", ".join(keys) + told for told, keys in alike.items()])


def test_assets_are_those_of_the_golden_list(definitions: dg.Definitions) -> None:
    lines = golden_lines(definitions)
    if os.environ.get("REGENERATE"):
        GOLDEN.write_text("\n".join(lines) + "\n")
    assert len(lines) < 300
    assert lines == GOLDEN.read_text().splitlines(), "REGENERATE=1 writes the list anew"


def test_every_asset_that_we_make_says_what_it_is_and_whose(definitions: dg.Definitions) -> None:
    assets = definitions.resolve_asset_graph()
    for key in assets.materializable_asset_keys:
        node = assets.get(key)
        assert node.description, f"{key.to_user_string()} has no description"
        assert node.owners, f"{key.to_user_string()} has no owner"
        assert node.kinds, f"{key.to_user_string()} has no kind"
        assert node.group_name != "default", f"{key.to_user_string()} has no group"
        fresh = dg.AssetCheckKey(key, "is_fresh") in assets.asset_check_keys
        assert fresh or node.freshness_policy is not None, f"nobody says how fresh {key.to_user_string()} must be"


def test_dagsters_policy_stands_where_the_clock_makes_things_and_true_lag_everywhere_else(
    definitions: dg.Definitions,
) -> None:
    assets = definitions.resolve_asset_graph()
    by_clock = {key for key in assets.materializable_asset_keys if assets.get(key).freshness_policy is not None}
    groups = {assets.get(key).group_name for key in by_clock}
    assert {"datasets", "audits", "ml", "restricted"} <= groups
    assert not groups & {"raw_app", "raw_segment", "marts", "reporting", "published", "site"}
    unchecked = {
        key.to_user_string()
        for key in assets.materializable_asset_keys
        if dg.AssetCheckKey(key, "is_fresh") not in assets.asset_check_keys
    }
    assert unchecked == {"audits/bias"}


def test_each_rule_of_the_doctor_is_a_check_of_the_part_that_it_looks_at(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    found = {(key.asset_key.path[1], key.name) for key in checks if key.asset_key.path[0] == "flux"}
    assert found == {(rule.part, rule.name) for rule in RULES.values()}


def test_models_wait_for_the_landing_checks(definitions: dg.Definitions) -> None:
    plan = definitions.resolve_job_def("everything").graph
    inputs = plan.dependencies[dg.NodeInvocation("dbt_models")].values()
    before = {dependency.node for part in inputs for dependency in part.get_node_dependencies()}
    assert {"replicated_tables", "event_tables", "landing"} <= before


def test_regular_build_loads_nothing_and_does_not_read_the_source(definitions: dg.Definitions) -> None:
    steps = set(definitions.resolve_job_def("build").graph.node_dict)
    assert {"exactness", "landing", "dbt_models", "published__warehouse", "site"} <= steps
    assert steps.isdisjoint({"replicated_tables", "event_tables", "verification", "doctor", "freshness"})


def test_whole_graph_is_one_job(definitions: dg.Definitions) -> None:
    steps = set(definitions.resolve_job_def("everything").graph.node_dict)
    assert {
        "replicated_tables",
        "event_tables",
        "verification",
        "landing",
        "dbt_models",
        "published__warehouse",
    } <= steps
    assert {"site", "datasets__match"} <= steps


def test_steps_that_open_the_warehouse_share_one_pool(definitions: dg.Definitions) -> None:
    nodes = definitions.resolve_job_def("everything").graph.node_dict
    readers_of_the_copy = {"site", "datasets__match"}
    readers_of_status = {"raw_segment__tracks_every_accepted_event_is_accounted_for", "exactness"}
    for name, node in nodes.items():
        pooled = getattr(node.definition, "pool", None) == "warehouse"
        assert pooled == (name not in readers_of_the_copy | readers_of_status), name
