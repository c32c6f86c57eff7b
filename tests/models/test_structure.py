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
    "intermediate/costs": ("int_",),
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
    *("rpt_closed_weeks", "rpt_model_costs", "rpt_dashboard_costs", "rpt_relation_usage", "rpt_table_growth_daily"),
    "rpt_disk_forecast",
}
PROTECTED = {"sex", "race_ethnicity", "age_band", "disability", "veteran"}
LINES = 150
FANOUT = 12
READ_BY_ALL = {"int_client_weeks", "int_clients_zoned", "int_current_cut", "int_match_requests_changed"}
ROOTS = {"int_days_spined"}  # a spine is made of nothing

# Ids that lead to no mart, and ids of one mart that may lead nowhere.
NOWHERE = {
    "list_id": "lists have no mart of their own: the least impression of one names it",
    "request_id": "lists have no mart of their own: their rows are the recommendations",
    "job_architecture_id": "job profiles stand in the rows, as job_family and level",
    "location_id": "sites stand in the rows, as country",
    "training_dataset_id": "a name in the product, of data sets of before Flux too",
    "onet_element_id": "a name in O*NET's taxonomy",
}
FREE = {
    ("fct_web_sessions", "client_id"): "what browsers say",
    ("fct_web_sessions", "user_id"): "what browsers say",
    ("fct_web_sessions", "visitor_id"): "a device",
    ("fct_web_sessions", "blended_user_id"): "a login or a device",
    ("fct_moves", "from_org_unit_id"): "a unit that once was",
}

MARTS = [model for model in MODELS if "marts" in model.parts]
SEEDS = [path.stem for path in (PROJECT / "seeds").glob("*.csv")]
MAY_READ = {
    "stg": (),
    "int": ("stg_", "int_"),
    "dim": ("stg_", "int_", "dim_", "fct_"),
    "fct": ("stg_", "int_", "dim_", "fct_"),
    "rpt": ("stg_", "int_", "dim_", "fct_", "rpt_"),
    "ml": ("stg_", "int_", "dim_", "fct_", "ml_"),
    "restricted": ("stg_", "int_", "dim_", "fct_", "rpt_", "ml_"),
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


def test_nothing_asks_the_machines_clock_or_chance() -> None:
    """The same inputs give the same rows: builds leave out what did not change (docs/decisions/0014)."""
    asked = re.compile(r"\b(now *\(|current_(timestamp|date|time)|random *\(|gen_random|nextval)", re.IGNORECASE)
    assert [path.name for path in PROJECT.rglob("*.sql") if asked.search(path.read_text(encoding="utf-8"))] == []


def test_only_staging_reads_sources() -> None:
    assert not offenders(lambda model: ("source(" in text(model)) != model.stem.startswith("stg_"))


def test_layers_read_only_what_lies_below_them() -> None:
    def layer(model: Path) -> str:
        name = model.stem.split("_")[0]
        return "restricted" if "restricted" in model.parts and name != "stg" else name  # it lies beside the marts

    def broken(model: Path) -> bool:
        # A list of what is to be told again of a fact may read the kept fact that this one is made of.
        kept = ("fct_events",) if model.stem == "int_sessions_changed" else ()
        return not all(name.startswith((*MAY_READ[layer(model)], *SEEDS, *kept)) for name in refs(model))

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


def test_no_window_begins_anew_at_each_row() -> None:
    """Postgres computes a window anew for each row where the beginning of its frame moves: order it the other way.

    int_match_open_days does so by opportunity, over few rows each.
    """
    moving = re.compile(r"between (?!unbounded preceding)[^)]*?and unbounded following")
    files = [*MODELS, *(PROJECT / "macros").rglob("*.sql"), *(PROJECT / "tests").rglob("*.sql")]
    assert {path.stem for path in files if moving.search(text(path))} <= {"int_match_open_days"}


def test_marts_type_their_columns_and_carry_the_tenant() -> None:
    assert not offenders(lambda model: not all("data_type" in column for column in entry(model)["columns"]), MARTS)
    assert set(offenders(lambda model: all(c["name"] != "client_id" for c in entry(model)["columns"]), MARTS)) == GLOBAL


def looked_up(model: Path) -> dict[str, str]:
    """Columns whose values a test looks up in another mart, with that mart."""
    found: dict[str, str] = {}
    for test in entry(model)["data_tests"]:
        if "in_dimensions" in test:
            found |= {key: place.split(".")[0] for key, place in test["in_dimensions"]["arguments"]["keys"].items()}
        if "relationships" in test:
            found[test["relationships"]["arguments"]["column_name"]] = test["relationships"]["arguments"]["to"][5:-2]
    return found


def ids(model: Path) -> list[str]:
    """Columns that name something else: not the model's own key, nor what a dimension is of."""
    own = [*key(model)] if len(key(model)) == 1 else []
    own.append(f"{model.stem.removeprefix('dim_')}_id")
    return [c["name"] for c in entry(model)["columns"] if c["name"].endswith("_id") and c["name"] not in own]


def test_every_id_of_a_mart_is_looked_up_where_it_leads() -> None:
    """Clients of reports with names are looked up by assert_a_client_finds_no_row_of_another."""
    columns = {(m.stem, c) for m in MARTS for c in ids(m)}
    reports = [m for m in MARTS if m.stem[:4] != "dim_"]
    named = {(m.stem, "client_id") for m in reports if any(c["name"] == "client_slug" for c in entry(m)["columns"])}
    free = {(m, c) for m, c in columns if c in NOWHERE or (m, c) in FREE}
    assert {(m.stem, c) for m in MARTS for c in looked_up(m)} | named == columns - free
    assert {c for _, c in columns} >= NOWHERE.keys()
    assert columns >= FREE.keys()


def test_ids_that_name_a_dimension_are_looked_up_in_that_one() -> None:
    dimensions = {f"{model.stem.removeprefix('dim_')}_id": model.stem for model in MARTS if model.stem[:4] == "dim_"}

    def broken(model: Path) -> bool:
        wanted = {
            column: [dimension for key, dimension in dimensions.items() if column.endswith(key)]
            for column in looked_up(model)
        }
        return any(wanted[column] and place not in wanted[column] for column, place in looked_up(model).items())

    assert not offenders(broken, MARTS)


def test_kept_facts_read_no_table_that_could_be_older_than_what_changed() -> None:
    """Staging, views, one list, other kept facts, what tells its differences; two tables for moving columns alone."""
    kept = [model for model in MODELS if re.search("incremental_strategy='changed_(keys|days)'", text(model))]
    tables = {model.stem for model in [*MODELS, *MARTS] if "materialized='table'" in text(model)}
    tables |= {model.stem for model in MARTS if model not in kept}
    lists = {model.stem for model in MODELS if "'feeds': feeds" in text(model)}
    assert not offenders(lambda model: len(lists & set(refs(model))) != 1, kept)
    assert not offenders(
        lambda model: bool(tables & set(refs(model)) - lists - {"int_current_cut", "int_tracking_starts"}), kept
    )
    assert len(kept) >= 12


def test_every_model_is_read_or_is_a_window() -> None:
    """No root model but staging, no intermediate model that nothing reads."""
    read = {name for model in MODELS for name in refs(model)}
    windows = ("fct_", "dim_", "rpt_", "ml_", "stg_")
    assert not offenders(lambda model: model.stem not in read and not model.stem.startswith(windows))
    assert not offenders(
        lambda model: not refs(model) and not model.stem.startswith("stg_") and model.stem not in ROOTS
    )


def test_no_model_is_read_by_more_than_a_dozen_others() -> None:
    """Fanout: who reads a model directly; the calendar, the cut, the clients and the set's list are read by all."""
    readers: dict[str, int] = {}
    for name in (name for model in MODELS for name in refs(model)):
        readers[name] = readers.get(name, 0) + 1
    assert {name for name, count in readers.items() if count > FANOUT} <= READ_BY_ALL


def test_every_fact_has_an_accounting_identity() -> None:
    """A sentence that counts or sums the fact and holds the figure against another one."""

    def accounts(model: Path) -> bool:
        sentences = (path.read_text(encoding="utf-8") for path in (PROJECT / "tests").glob("*.sql"))
        return any(
            f"ref('{model.stem}')" in sentence
            and re.search(r"\b(count|sum)\(", sentence)
            and re.search("<>|> 1e-6", sentence)
            for sentence in sentences
        )

    assert not offenders(lambda model: not accounts(model), [model for model in MARTS if model.stem[:4] == "fct_"])


def test_training_examples_are_tested_beyond_their_keys() -> None:
    singular = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests").glob("*.sql"))
    examples = [model for model in MARTS if model.stem.startswith("ml_")]
    assert not offenders(lambda model: f"ref('{model.stem}')" not in singular, examples)


def test_every_rule_that_people_argue_about_has_a_unit_test() -> None:
    names = {
        test["name"]
        for model in MODELS
        for test in yaml.load(text(model.with_suffix(".yml")), Loader=yaml.CSafeLoader).get("unit_tests", ())
    }
    assert {
        "test_stage_intervals_close_on_withdrawal",
        "test_time_to_fill_counts_days_on_hold_and_shows_them_apart",
        "test_time_to_fill_of_a_reopened_opportunity_begins_with_its_latest_opening",
        "test_click_belongs_to_newest_impression_within_24_hours",
        "test_acceptance_credits_last_recommendation_seen",
        "test_retention_is_bounded_and_unbounded",
        "test_internal_mobility_rates_are_three",
        "test_title_changes_leave_out_rehires",
        "test_four_fifths_are_compared_in_integers",
        "test_comparisons_leave_out_unknowns_and_small_categories",
        "test_member_versions_are_half_open_and_end_at_deletion",
    } <= names


def test_every_mart_that_could_mix_clients_is_in_the_test_that_it_does_not() -> None:
    def listed(name: str) -> set[str]:
        return set(re.findall(r"'((?:rpt|fct|ml)_\w+)'", (PROJECT / "tests" / name).read_text(encoding="utf-8")))

    def having(*columns: str) -> set[str]:
        rest = [model for model in MARTS if not model.stem.startswith("dim_")]
        return {model.stem for model in rest if {c["name"] for c in entry(model)["columns"]} & {*columns}}

    assert listed("assert_a_client_finds_no_row_of_another.sql") == having("client_slug")
    apart = listed("assert_no_fact_joins_two_clients.sql"), listed("assert_no_example_joins_two_clients.sql")
    assert not apart[0] & apart[1]
    assert apart[0] | apart[1] == having("member_id", "opportunity_id")
    assert all(name.startswith("ml_") for name in apart[1])


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
