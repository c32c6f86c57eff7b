"""What dbt knows of tables and columns, and the metrics that are ratios, are told to Metabase; edits are seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboards.catalogue import Column, Model
from dashboards.errors import DashboardError
from dashboards.metabase import tables
from dashboards.metabase.apply import prune
from dashboards.metabase.errors import EditedError
from dashboards.metabase.found import Found
from dashboards.metabase.metrics import clause_of, metric_items
from dashboards.metabase.plan import Plan, plan
from dashboards.metabase.wanted import Item
from dashboards.metrics import Formula
from tests.dashboards.metabase.conftest import DATABASE, Deployer
from tests.dashboards.metabase.server import Fake
from tests.dashboards.warehouse import METRICS, contracts

Items = dict[str, Item]
RELATIONS = {name: f"{schema}.{name}" for name, (schema, _) in contracts().items()}


def model(name: str, key: tuple[str, ...], **columns: tuple[str, str]) -> Model:
    listed = tuple(Column(column, kind, f"What {column} is.", said) for column, (kind, said) in columns.items())
    return Model(name, "marts", "", "table", f"One row per {name}.", "Somebody", key, listed, (), (), (), None)


MODELS = [
    model("dim_client", ("client_id",), client_id=("bigint", "public"), client_name=("text", "public")),
    model(
        "fct_applications",
        ("application_id",),
        application_id=("bigint", "public"),
        client_id=("bigint", "public"),
        source=("text", "public"),
        reject_reason=("text", "personal"),
    ),
]
MANIFEST = {
    "nodes": {
        "model.flux.fct_applications": {"name": "fct_applications"},
        "test.flux.dims": {
            "attached_node": "model.flux.fct_applications",
            "test_metadata": {
                "name": "in_dimensions",
                "kwargs": {
                    "keys": {"client_id": "dim_client", "recommendation_id": "fct_recommendations.recommendation_id"}
                },
            },
        },
    }
}


class Told:
    """One round of `plan` or `apply` with tables and metrics, as the walk does it."""

    def __init__(self, deployer: Deployer, few: Items, manifest: Path) -> None:
        self.deployer, self.few, self.manifest = deployer, few, manifest

    def both(self) -> tuple[Items, Found]:
        client = self.deployer.client
        read = client.get(f"/api/database/{DATABASE}/metadata", include_hidden=True)
        there = tables.read_tables(read, RELATIONS, "duckdb")
        found = tables.index(there)
        columns = {name: [field["name"] for field in one["fields"]] for name, one in there.items()}
        more = tables.table_items(MODELS, tables.Keys(MODELS, self.manifest), found)
        more += list(metric_items({"active_share": METRICS["active_share"]}, columns, DATABASE))
        analysts = Item(
            "collection", "analysts", {"name": "Analysts", "description": "", "parent": "flux", "archived": False}
        )
        return self.few | {item.id: item for item in (analysts, *more)}, found

    def plan(self) -> Plan:
        items, found = self.both()
        return plan(items, self.deployer.found(items, found))

    def apply(self, *, overwrite: bool = False) -> None:
        items, found = self.both()
        self.deployer.apply(items, found, overwrite=overwrite)


@pytest.fixture
def told(few: Items, deployer: Deployer, tmp_path: Path) -> Told:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(MANIFEST))
    return Told(deployer, few, path)


def field(fake: Fake, table: str, column: str) -> dict[str, Any]:
    schema = fake.state.schema
    return schema.fields[schema.number_of(table, column)]


def test_descriptions_keys_and_visibility_are_told_once(told: Told, metabase: Fake) -> None:
    told.apply()

    assert metabase.state.schema.of_name("fct_applications")["description"] == "One row per fct_applications."
    key, client = (
        field(metabase, "fct_applications", "application_id"),
        field(metabase, "fct_applications", "client_id"),
    )
    assert (key["semantic_type"], key["description"]) == ("type/PK", "What application_id is.")
    assert client["semantic_type"] == "type/FK"
    assert client["fk_target_field_id"] == metabase.state.schema.number_of("dim_client", "client_id")
    assert field(metabase, "fct_applications", "source")["semantic_type"] == "type/Category"
    assert field(metabase, "fct_applications", "reject_reason")["visibility_type"] == "details-only"
    assert field(metabase, "dim_client", "client_name")["semantic_type"] is None  # what a sync guessed is corrected
    assert field(metabase, "dim_skill", "skill_id")["description"] is None  # a model that was not told of
    metabase.asked.clear()
    assert told.plan().changes == ()
    told.apply()
    assert metabase.writes == []


def test_a_metric_sums_what_its_formula_names(told: Told, metabase: Fake) -> None:
    told.apply()
    [metric] = [one for one in metabase.state.cards.values() if one["type"] == "metric"]
    [clause] = metric["dataset_query"]["stages"][0]["aggregation"]
    schema, report = metabase.state.schema, METRICS["active_share"].models[0]
    assert clause[0] == "/"
    assert [part[2][2] for part in clause[2:]] == [
        schema.number_of(report, "active_member_count"), schema.number_of(report, "tracked_member_count"),
    ]  # fmt: skip


def test_formulas_that_are_no_ratio_of_sums_do_not_become_metrics() -> None:
    assert clause_of(Formula(numerator="a", denominator="28 * b")) == ["/", ["sum", "a"], ["*", 28, ["sum", "b"]]]
    assert clause_of(Formula(numerator="a - b", denominator="(a + c)")) == [
        "/", ["-", ["sum", "a"], ["sum", "b"]], ["+", ["sum", "a"], ["sum", "c"]],
    ]  # fmt: skip
    for formula in (
        Formula(percentile=0.5, column="a"),
        Formula(mean="a", weight="b"),
        Formula(formula="a - b"),
        Formula(numerator="a * b", denominator="c"),
    ):
        assert clause_of(formula) is None


EDITS: dict[str, tuple[Callable[[Fake], object], str]] = {
    "a table is described anew": (
        lambda fake: fake.state.schema.of_name("fct_applications").update(description="?"),
        "table:fct_applications description",
    ),
    "a table is hidden": (
        lambda fake: fake.state.schema.of_name("fct_applications").update(visibility_type="cruft"),
        "table:fct_applications visibility",
    ),
    "a column is described anew": (
        lambda fake: field(fake, "fct_applications", "source").update(description="?"),
        "table:fct_applications columns",
    ),
    "a column is hidden": (
        lambda fake: field(fake, "fct_applications", "source").update(visibility_type="hidden"),
        "table:fct_applications columns",
    ),
    "a foreign key is cut": (
        lambda fake: field(fake, "fct_applications", "client_id").update(semantic_type=None, fk_target_field_id=None),
        "table:fct_applications columns",
    ),
    "a metric counts otherwise": (
        lambda fake: metric(fake)["dataset_query"]["stages"][0]["aggregation"][0].__setitem__(0, "-"),
        "card:metric_active_share clause",
    ),
    "a metric is filtered": (
        lambda fake: metric(fake)["dataset_query"]["stages"][0].update(filters=[["not-null", {}, ["field", {}, 1]]]),
        "card:metric_active_share clause",
    ),
    "a metric is renamed": (lambda fake: metric(fake).update(name="Active"), "card:metric_active_share name"),
}


def metric(fake: Fake) -> dict[str, Any]:
    return next(one for one in fake.state.cards.values() if one["type"] == "metric")


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_told_and_not_written_over_unasked(
    edit: tuple[Callable[[Fake], object], str], told: Told, metabase: Fake
) -> None:
    told.apply()
    edit[0](metabase)
    changes = told.plan().changes
    assert [f"{change.item.id} {one.name}" for change in changes for one in change.fields] == [edit[1]]
    assert {one.cause for change in changes for one in change.fields} == {"edited"}
    with pytest.raises(EditedError):
        told.apply()
    told.apply(overwrite=True)
    assert told.plan().changes == ()


def test_a_metric_that_nothing_defines_any_more_is_archived(told: Told, metabase: Fake) -> None:
    told.apply()
    items, found = told.both()
    fewer = {name: item for name, item in items.items() if name != "card:metric_active_share"}
    found = told.deployer.found(fewer, found)
    plan_of_fewer = plan(fewer, found)
    assert [one.id for one in plan_of_fewer.unneeded] == ["card:metric_active_share"]
    prune(told.deployer.client, found, plan_of_fewer, lambda what, done, total: None)
    assert metric(metabase)["archived"]


def test_what_people_noted_of_a_table_stays(told: Told, metabase: Fake) -> None:
    metabase.state.schema.of_name("dim_client").update(caveats="Ask Ann.")
    told.apply()
    assert str(metabase.state.schema.of_name("dim_client")["caveats"]).startswith("Ask Ann.\n\nmanaged-by: flux table=")
    assert told.plan().changes == ()


@pytest.mark.parametrize("done", [False, True], ids=["before it was done", "after it was done"])
def test_telling_that_is_cut_at_any_write_goes_on(done: bool, told: Told, metabase: Fake) -> None:
    """Also where the words changed since the last time: what is half told is no edit of somebody's."""
    told.apply()
    before = list(MODELS)
    try:
        for cuts in range(6):
            MODELS[:] = [
                replace(one, description=f"{one.description} {cuts}", columns=tuple(
                    replace(column, description=f"{column.description} {cuts}") for column in one.columns
                ))
                for one in before
            ]  # fmt: skip
            left = iter(range(cuts))

            def cut(method: str, path: str) -> bool:
                return method == "PUT" and next(left, None) is None  # noqa: B023 - called within the round

            if done:
                metabase.after = cut
            else:
                metabase.before = lambda method, path: 0 if cut(method, path) else None
            with pytest.raises(DashboardError):
                told.apply()
            metabase.before, metabase.after = lambda method, path: None, lambda method, path: False
            told.apply()
            assert told.plan().changes == ()
    finally:
        MODELS[:] = before
