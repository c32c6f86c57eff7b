"""Rules of structure, after dbt-project-evaluator, over the files alone: no warehouse, no dbt, a second.

Each rule is one test that names every model that breaks it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dashboards.metrics import load_metrics
from orchestration.walk.client_copy import SAME_FOR_ALL

PROJECT = Path(__file__).parents[2] / "dbt_project"
MODELS = sorted((PROJECT / "models").rglob("*.sql"))
PREFIXES = {
    "staging/app": ("stg_app__",),
    "staging/segment": ("stg_segment__",),
    "staging/flux": ("stg_flux__",),
    "restricted": ("stg_restricted__", "int_", "rpt_"),
    "intermediate/calendar": ("int_",),
    "intermediate/hiring": ("int_",),
    "intermediate/talent": ("int_",),
    "intermediate/matching": ("int_",),
    "intermediate/engagement": ("int_",),
    "marts/core": ("dim_", "fct_"),
    "marts/reporting": ("rpt_",),
    "marts/ml": ("ml_",),
}
GLOBAL = {  # models without client_id: by nature the same for all clients, or about the machinery
    *("dim_skill", "dim_model_version", "dim_date"),
    *("fct_freshness", "fct_pipeline_runs", "rpt_data_freshness", "rpt_event_ledger", "rpt_freshness_budget_daily"),
}
PROTECTED = {"sex", "race_ethnicity", "age_band", "disability", "veteran"}
LINES = 150
FANOUT = 12
READ_BY_ALL = {"int_client_weeks", "int_clients_zoned", "int_current_cut"}
ROOTS = {"int_days_spined"}  # a spine is made of nothing

MARTS = [model for model in MODELS if "marts" in model.parts]
SEEDS = [path.stem for path in (PROJECT / "seeds").glob("*.csv")]
MAY_READ = {
    "stg": (),
    "int": ("stg_", "int_"),
    "dim": ("stg_", "int_", "dim_", "fct_"),
    "fct": ("stg_", "int_", "dim_", "fct_"),
    "rpt": ("stg_", "int_", "dim_", "fct_", "rpt_"),
    "ml": ("stg_", "int_", "dim_", "fct_", "ml_"),
}


@cache
def entry(model: Path) -> Mapping[str, Any]:  # Any: YAML
    """Return the entry of the model in the YAML file beside it."""
    document = yaml.load(text(model.with_suffix(".yml")), Loader=yaml.CSafeLoader)  # ten times as fast as SafeLoader
    (found,) = document["models"]
    return dict(found)


@cache
def text(model: Path) -> str:
    return model.read_text(encoding="utf-8")


def refs(model: Path) -> list[str]:
    return re.findall(r"ref\('(\w+)'\)", text(model))


def key(model: Path) -> list[str]:
    keys = [test["primary_key"] for test in entry(model)["data_tests"] if "primary_key" in test]
    return list(keys[0]["arguments"]["columns"]) if len(keys) == 1 else []


def offenders(broken: Callable[[Path], bool], models: Sequence[Path] = MODELS) -> list[str]:
    return [model.stem for model in models if broken(model)]


def test_models_lie_in_known_folders_and_are_named_after_them() -> None:
    assert not offenders(
        lambda model: not model.stem.startswith(PREFIXES[model.parent.relative_to(PROJECT / "models").as_posix()])
    )


def test_descriptions_say_the_grain_first() -> None:
    assert not offenders(lambda model: not entry(model)["description"].startswith(("One row per ", "One row in all")))


def test_models_have_one_key_test_over_described_columns() -> None:
    assert not offenders(lambda model: entry(model)["name"] != model.stem)
    assert not offenders(lambda model: not key(model))
    assert not offenders(lambda model: not set(key(model)) <= {column["name"] for column in entry(model)["columns"]})
    assert not offenders(lambda model: not all(column.get("description") for column in entry(model)["columns"]))


def test_marts_name_who_answers_for_them() -> None:
    owners = {metric.owner for metric in load_metrics(PROJECT).values()}
    assert not offenders(lambda model: entry(model).get("config", {}).get("meta", {}).get("owner") not in owners, MARTS)


def test_models_and_their_yaml_are_short() -> None:
    assert not offenders(lambda model: len(text(model).splitlines()) > LINES)
    assert not offenders(lambda model: len(text(model.with_suffix(".yml")).splitlines()) > LINES)


def test_only_staging_reads_sources() -> None:
    assert not offenders(lambda model: ("source(" in text(model)) != model.stem.startswith("stg_"))


def test_layers_read_only_what_lies_below_them() -> None:
    def layer(model: Path) -> str:
        name = model.stem.split("_")[0]
        return "rpt" if name == "int" and "restricted" in model.parts else name  # that folder lies beside the marts

    def broken(model: Path) -> bool:
        return not all(name.startswith((*MAY_READ[layer(model)], *SEEDS)) for name in refs(model))

    assert not offenders(broken)


def test_protected_attributes_are_read_by_nobody_outside_their_folder() -> None:
    inside = {model.stem for model in MODELS if "restricted" in model.parts}
    assert not offenders(lambda model: bool(inside & set(refs(model))) and "restricted" not in model.parts)
    assert not offenders(lambda model: bool(PROTECTED & {column["name"] for column in entry(model)["columns"]}), MARTS)


def test_each_relation_is_read_once_by_a_cte_of_its_own() -> None:
    def broken(model: Path) -> bool:
        names = refs(model)
        imports = re.findall(r"^\w+ as \(select \* from {{ ref\('(\w+)'\) }}\),?$", text(model), re.MULTILINE)
        return names != imports or len(names) != len(set(names))

    assert not offenders(broken)


def test_no_model_joins_more_than_ten_others() -> None:
    assert not offenders(lambda model: len(refs(model)) > 10)


def test_models_end_with_a_star_of_their_last_cte() -> None:
    def broken(model: Path) -> bool:
        ctes = re.findall(r"^(\w+) as \(", text(model), re.MULTILINE)
        return text(model).rstrip().splitlines()[-1] != f"select * from {ctes[-1]}"

    assert not offenders(broken)


def test_models_ask_the_cut_for_now_and_never_the_machine() -> None:
    machine = re.compile(r"current_(date|time|timestamp)|\bnow\(\)|today\(\)|random\(\)")
    assert not offenders(lambda model: machine.search(text(model).lower()) is not None)


def test_marts_type_their_columns_and_carry_the_tenant() -> None:
    assert not offenders(lambda model: not all("data_type" in column for column in entry(model)["columns"]), MARTS)
    assert set(offenders(lambda model: all(c["name"] != "client_id" for c in entry(model)["columns"]), MARTS)) == GLOBAL


def test_keys_of_facts_that_name_a_dimension_are_looked_up_there() -> None:
    dimensions = {f"{model.stem.removeprefix('dim_')}_id": model.stem for model in MARTS if model.stem[:4] == "dim_"}
    free = {("fct_web_sessions", "client_id"), ("fct_moves", "from_org_unit_id")}  # what browsers say; what once was

    def broken(model: Path) -> bool:
        found = {}
        for column in (column["name"] for column in entry(model)["columns"]):
            named = [d for key, d in dimensions.items() if column == key or column.endswith(f"_{key}")]
            if named and (model.stem, column) not in free:
                found[column] = named[-1]
        tests = [test["in_dimensions"] for test in entry(model)["data_tests"] if "in_dimensions" in test]
        return found != (tests[0]["arguments"]["keys"] if tests else {})

    assert not offenders(broken, [model for model in MARTS if model.stem.startswith(("fct_", "ml_"))])


def test_kept_facts_read_no_table_that_could_be_older_than_what_changed() -> None:
    """Staging, views, one list of changed keys, other kept facts; two tables that only moving columns use."""
    kept = [model for model in MODELS if "changed_keys" in text(model)]
    tables = {model.stem for model in [*MODELS, *MARTS] if "materialized='table'" in text(model)}
    tables |= {model.stem for model in MARTS if model not in kept}
    lists = {model.stem for model in MODELS if "'feeds': feeds" in text(model)}
    assert not offenders(lambda model: len(lists & set(refs(model))) != 1, kept)
    assert not offenders(
        lambda model: bool(tables & set(refs(model)) - lists - {"int_current_cut", "int_tracking_starts"}), kept
    )
    assert len(kept) >= 9


def test_every_model_is_read_or_is_a_window() -> None:
    """No root model but staging, no intermediate model that nothing reads."""
    read = {name for model in MODELS for name in refs(model)}
    windows = ("fct_", "dim_", "rpt_", "ml_", "stg_")
    assert not offenders(lambda model: model.stem not in read and not model.stem.startswith(windows))
    assert not offenders(
        lambda model: not refs(model) and not model.stem.startswith("stg_") and model.stem not in ROOTS
    )


def test_no_model_is_read_by_more_than_a_dozen_others() -> None:
    """Fanout: who reads a model directly; the calendar, the cut and the clients are read by all."""
    readers: dict[str, int] = {}
    for name in (name for model in MODELS for name in refs(model)):
        readers[name] = readers.get(name, 0) + 1
    assert {name for name, count in readers.items() if count > FANOUT} <= READ_BY_ALL


def test_every_layer_is_tested_beyond_its_keys() -> None:
    """Each fact has a test of its own besides the key: a unit test, a singular test or another data test."""
    singular = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests").glob("*.sql"))

    def untested(model: Path) -> bool:
        more = len(entry(model)["data_tests"]) > 1 or f"ref('{model.stem}')" in singular
        return not more and "unit_tests" not in yaml.load(text(model.with_suffix(".yml")), Loader=yaml.CSafeLoader)

    assert not offenders(untested, [model for model in MARTS if model.stem.startswith(("fct_", "ml_"))])


def test_every_mart_that_could_mix_clients_is_in_the_test_that_it_does_not() -> None:
    def listed(name: str) -> set[str]:
        return set(re.findall(r"'((?:rpt|fct|ml)_\w+)'", (PROJECT / "tests" / name).read_text(encoding="utf-8")))

    def having(*columns: str) -> set[str]:
        rest = [model for model in MARTS if not model.stem.startswith("dim_")]
        return {model.stem for model in rest if {c["name"] for c in entry(model)["columns"]} & {*columns}}

    assert listed("assert_a_client_finds_no_row_of_another.sql") == having("client_slug")
    assert listed("assert_no_fact_joins_two_clients.sql") == having("member_id", "opportunity_id")


def test_readers_of_one_client_are_told_which_models_are_the_same_for_all() -> None:
    """On Postgres every other model without client_id is closed to them (tests/models/test_tenants.py)."""
    macro = (PROJECT / "macros" / "rows_per_client.sql").read_text(encoding="utf-8")
    listed = set(re.findall(r"'(\w+)': '", macro))
    assert listed <= GLOBAL | {"int_current_cut"}
    assert listed == {relation.rpartition(".")[2] for relation in SAME_FOR_ALL}


def test_every_yaml_describes_a_model_that_exists() -> None:
    described_files = {path.with_suffix("") for path in (PROJECT / "models").rglob("*.yml") if path.stem[0] != "_"}
    assert described_files == {path.with_suffix("") for path in MODELS}


def test_every_source_table_has_its_staging_model_and_its_asset() -> None:
    staged = {model.stem for model in MODELS}
    for path in (PROJECT / "models").rglob("_*__sources.yml"):
        (source,) = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
        for table in source["tables"]:
            schema, relation = table["config"]["meta"]["dagster"]["asset_key"]
            assert relation == table["name"]
            assert schema == source["schema"].removesuffix("_history")
            if source["name"] != "app_history":
                assert f"stg_{source['name']}__{table['name']}" in staged


def test_every_relation_of_the_product_and_every_planned_event_is_staged() -> None:
    schema = (PROJECT.parent / "demo" / "schema.sql").read_text(encoding="utf-8")
    plan = yaml.safe_load((PROJECT.parent / "demo" / "tracking_plan.yaml").read_text(encoding="utf-8"))
    tables = set(re.findall(r"^create table ([\w.]+) \(", schema, re.MULTILINE)) - {"simulated_clock"}
    events = {"_".join(re.findall(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+", name)).lower() for name in plan["events"]}
    wanted = {f"stg_app__{name}" for name in tables if "." not in name}
    wanted |= {f"stg_restricted__{name.split('.')[1]}" for name in tables if "." in name}
    wanted |= {f"stg_segment__{name}" for name in events | set(plan) & {"pages"}}
    assert wanted <= {model.stem for model in MODELS}


def test_singular_tests_are_sentences() -> None:
    for path in (PROJECT / "tests").glob("*.sql"):
        assert path.stem.startswith("assert_")
        assert path.stem.count("_") >= 4
        assert path.read_text(encoding="utf-8").startswith("-- ")


def test_macros_say_what_they_are_for() -> None:
    for path in (PROJECT / "macros").rglob("*.sql"):
        assert path.read_text(encoding="utf-8").startswith("{#-"), path.name
