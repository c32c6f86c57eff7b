"""The rules of dbt-project-evaluator that the files alone can break, and that docs/models.md tells of each one.

Rules of style of our own are in test_structure.py; the table in the document says which test keeps which rule.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from dashboards.usage import RELATIONS
from tests.models import test_structure as structure
from tests.models.test_structure import MODELS, PROJECT, offenders, refs, text

# Names of the package's models at version 1.2, one a rule.
EVALUATOR = [
    "fct_staging_dependent_on_staging",
    "fct_source_fanout",
    "fct_rejoining_of_upstream_concepts",
    "fct_model_fanout",
    "fct_marts_or_intermediate_dependent_on_source",
    "fct_direct_join_to_source",
    "fct_duplicate_sources",
    "fct_hard_coded_references",
    "fct_multiple_sources_joined",
    "fct_root_models",
    "fct_staging_dependent_on_marts_or_intermediate",
    "fct_unused_sources",
    "fct_too_many_joins",
    "fct_missing_primary_key_tests",
    "fct_sources_without_freshness",
    "fct_test_coverage",
    "fct_undocumented_models",
    "fct_documentation_coverage",
    "fct_undocumented_source_tables",
    "fct_undocumented_sources",
    "fct_test_directories",
    "fct_model_naming_conventions",
    "fct_source_directories",
    "fct_model_directories",
    "fct_chained_views_dependencies",
    "fct_exposure_parents_materializations",
    "fct_public_models_without_contract",
    "fct_exposures_dependent_on_private_models",
    "fct_undocumented_public_models",
]
DOCUMENT = PROJECT.parent / "docs" / "models.md"
CARDS = PROJECT.parent / "dashboards" / "definitions" / "cards"
COUNTS = "stg_flux__relations"  # counts the rows of every table
VIEWS_IN_A_ROW = 4
# Steps between a model and another that reads both, read by that one alone. Each makes one thing that is tested by
# itself (a unit test, an oracle), and would make its reader too long to follow.
STEPS = {
    *("int_bias_exact_tests", "int_bias_pooled"),
    *("int_identity_users", "ml_match_splits"),
    *("ml_match_activity_features", "ml_match_pair_features"),
    *("int_match_asked_totals", "int_match_clicks", "int_match_examples_concerned"),
    *("int_match_opportunity_windows", "ml_match_negatives"),
    *("int_match_subject_groups", "ml_match_outcomes", "ml_match_reactions"),
    *("int_catalogue_weeks", "int_lists_changed", "int_opportunity_holds", "int_recommendations_accepted"),
    *("fct_client_health_week", "fct_freshness", "int_applications_milestoned"),
    *("int_disk_fits", "rpt_model_costs"),
    *("int_sessions_changed", "int_skill_days_changed", "int_visitors_changed"),  # lists of what is told again
}


def sources(model: Path) -> list[tuple[str, str]]:
    return re.findall(r"source\('(\w+)', '?(\w+)'?\)", text(model))


@cache
def declared() -> dict[Path, dict[str, dict[str, str]]]:
    """Tables of the declared sources by file and `schema.table`, with their descriptions."""
    found = {}
    for path in (PROJECT / "models").rglob("_*__sources.yml"):
        (source,) = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["sources"]
        assert source["description"].strip(), path.name
        found[path] = {f"{source['schema']}.{table['name']}": table for table in source["tables"]}
    return found


def bare(model: Path) -> str:
    """SQL without comments and templates."""
    return re.sub(r"--[^\n]*|\{[{#%].*?[}#%]\}", "", text(model), flags=re.DOTALL)


def is_view(model: Path) -> bool:
    configured = re.search(r"materialized='(\w+)'", text(model))
    return configured[1] == "view" if configured else "marts" not in model.parts


def test_staging_reads_one_source_and_a_source_is_read_once() -> None:
    staging = [model for model in MODELS if model.stem.startswith("stg_") and model.stem != COUNTS]
    read = [source for model in staging for source in sources(model)]
    assert not offenders(lambda model: len(sources(model)) != 1, staging)
    assert len(read) == len(set(read))


def test_sources_are_declared_once_described_and_read() -> None:
    tables = [name for file in declared().values() for name in file]
    assert len(tables) == len(set(tables))
    assert all(table["description"].strip() for file in declared().values() for table in file.values())
    names = {"app": "raw_app", "app_history": "raw_app_history", "segment": "raw_segment", "flux": "_flux"}
    read = {f"{names.get(source, source)}.{table}" for model in MODELS for source, table in sources(model)}
    counted = re.findall(r"'(\w+)'", text(next(model for model in MODELS if model.stem == COUNTS)))
    read |= {f"{schema}.{table}" for table in counted for schema in ("raw_app", "raw_app_history", "raw_segment")}
    assert set(tables) - read == set()


def test_sources_are_declared_beside_their_staging_models() -> None:
    for path, tables in declared().items():
        staged = {model.stem for model in MODELS if model.parent == path.parent}
        assert any(f"__{name.split('.')[1]}" in model for name in tables for model in staged), path


def test_no_model_names_a_relation_itself() -> None:
    schemas = re.compile(
        r"\b(raw_app|raw_segment|restricted|_flux|staging|intermediate|marts|reporting|ml|serving)\w*\.\w"
    )
    assert not offenders(lambda model: schemas.search(re.sub(r"'[^']*'", "", bare(model))) is not None)


def test_what_only_one_model_reads_is_a_step_of_its_own_or_goes() -> None:
    parents = {model.stem: set(refs(model)) for model in MODELS}
    readers: dict[str, set[str]] = {}
    for model, read in parents.items():
        for one in read:
            readers.setdefault(one, set()).add(model)
    between = {
        step
        for child, read in parents.items()
        for step in read
        if readers[step] == {child} and parents.get(step, set()) & read
    }
    assert between == STEPS


def test_few_views_stand_on_one_another() -> None:
    by_name = {model.stem: model for model in MODELS}

    def height(name: str) -> int:
        model = by_name.get(name)
        if model is None or not is_view(model):
            return 0
        return 1 + max((height(parent) for parent in refs(model)), default=0)

    assert max(height(name) for name in by_name) <= VIEWS_IN_A_ROW


def test_dashboards_read_marts_and_these_are_tables() -> None:
    read = {name for card in CARDS.glob("*.sql") for name in re.findall(r"ref\('(\w+)'\)", card.read_text())}
    read -= RELATIONS.keys()  # who asked what is no model: it is made of logs when it is shown
    by_name = {model.stem: model for model in MODELS}
    beside = {"rpt_bias_audit_summary"}  # restricted, without its small cells: the page of the audit's own audience
    assert {name for name in read if "marts" not in by_name[name].parts} == beside
    assert {name for name in read if is_view(by_name[name])} == set()


def test_contracts_are_enforced_on_all_that_readers_see() -> None:
    project = yaml.load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    assert project["models"]["flux"]["marts"]["+contract"] == {"enforced": True}
    assert not offenders(lambda model: "contract=" in text(model), structure.MARTS)


@pytest.mark.parametrize("rule", EVALUATOR)
def test_the_document_says_what_keeps_the_rule(rule: str) -> None:
    rows = re.findall(rf"^\| `{rule}` \| (.+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == 1
    known = {name for name in (*globals(), *vars(structure)) if name.startswith("test_")}
    named = re.findall(r"`(test_\w+)`", rows[0])
    assert set(named) <= known
    assert named or rows[0].startswith("does not apply: ")
