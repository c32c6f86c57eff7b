"""Models of Metabase: SQL of a file, told as the warehouse's columns are, made once, seen when they are edited."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboards.catalogue import Column, Model
from dashboards.errors import DefinitionError
from dashboards.metabase.errors import EditedError, MetabaseError
from dashboards.metabase.models import kinds_of, load_queries, model_items
from dashboards.metabase.surroundings import MetabaseModel
from dashboards.metabase.wanted import Item
from tests.dashboards.metabase.conftest import DATABASE, Deployer
from tests.dashboards.metabase.server import Fake
from tests.dashboards.warehouse import DEFINITIONS, all_columns, contracts

Items = dict[str, Item]
RELATIONS = {name: f"{schema}.{name}" for name, (schema, _) in contracts().items()}
MODELS = {"clients": MetabaseModel("clients", "Clients", "One row per client.")}
SQL = """
with named as (select client_id, client_name from {{ ref('dim_client') }})
select named.client_name as who, count(*) as applications, max(a.applied_on) as last_on
from {{ ref('fct_applications') }} as a inner join named on a.client_id = named.client_id group by 1
"""
KNOWN = [
    Model("dim_client", "marts", "", "table", "", "", (), (Column("client_name", "text", "Whom we serve.", "public"),),
          (), (), (), None),
]  # fmt: skip


def made(directory: Path, sql: str = SQL) -> Items:
    (directory / "clients.sql").write_text(sql)
    queries = load_queries(directory, MODELS, RELATIONS)
    kinds = kinds_of(queries, directory, RELATIONS, all_columns())
    items = model_items(MODELS, queries, kinds, KNOWN, lambda tree: tree.sql(dialect="duckdb"), DATABASE)
    return {item.id: item for item in items}


@pytest.fixture
def modelled(few: Items, tmp_path: Path) -> Items:
    analysts = {"name": "Analysts", "description": "", "parent": "flux", "archived": False}
    return few | {"collection:analysts": Item("collection", "analysts", analysts)} | made(tmp_path)


def model(fake: Fake) -> dict[str, Any]:
    return next(one for one in fake.state.cards.values() if one["type"] == "model")


def test_it_has_the_words_of_the_columns_that_it_comes_from(
    modelled: Items, metabase: Fake, deployer: Deployer
) -> None:
    done = deployer.apply(modelled)

    assert done.broken == []
    told = {one["name"]: (one["base_type"], one["description"]) for one in model(metabase)["result_metadata"]}
    assert told == {
        "who": ("type/Text", "Whom we serve."),
        "applications": ("type/BigInteger", None),
        "last_on": ("type/Date", None),
    }
    metabase.asked.clear()
    assert deployer.plan(modelled).changes == ()
    deployer.apply(modelled)
    assert metabase.writes == []


def test_another_query_keeps_its_number_and_its_words(
    modelled: Items, metabase: Fake, deployer: Deployer, tmp_path: Path
) -> None:
    deployer.apply(modelled)
    number = model(metabase)["id"]
    anew = modelled | made(tmp_path, SQL.replace("count(*) as applications", "count(*) as n"))
    deployer.apply(anew)
    assert model(metabase)["id"] == number
    assert [one["name"] for one in model(metabase)["result_metadata"]] == ["who", "n", "last_on"]
    assert deployer.plan(anew).changes == ()


EDITS: dict[str, tuple[Callable[[Fake], object], str]] = {
    "a column is described anew": (
        lambda fake: model(fake)["result_metadata"][0].update(description="?"),
        "columns",
    ),
    "it is made a question": (lambda fake: model(fake).update(type="question"), "type"),
    "its SQL changes": (
        lambda fake: model(fake)["dataset_query"]["native"].update(query="select 1 as who"),
        "sql",
    ),
    "it is drawn": (lambda fake: model(fake).update(display="bar"), "display"),
    "it goes to the trash": (lambda fake: model(fake).update(archived=True), "archived"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_told_and_not_written_over_unasked(
    edit: tuple[Callable[[Fake], object], str], modelled: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(modelled)
    edit[0](metabase)
    changes = deployer.plan(modelled).changes
    assert edit[1] in {one.name for change in changes for one in change.fields}
    assert {(change.item.id, one.cause) for change in changes for one in change.fields} == {
        ("card:model_clients", "edited")
    }
    with pytest.raises(EditedError):
        deployer.apply(modelled)
    deployer.apply(modelled, overwrite=True)
    assert deployer.plan(modelled).changes == ()


@pytest.mark.parametrize("done", [False, True], ids=["before it was done", "after it was done"])
def test_making_that_is_cut_at_any_write_makes_no_second_one(
    done: bool, few: Items, modelled: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(few)
    kept = {name: copy.deepcopy(getattr(metabase.state, name)) for name in ("collections", "cards", "dashboards")}
    for cuts in range(3):  # its collection, itself, the note of it
        left = iter(range(cuts))

        def cut(method: str, path: str) -> bool:
            asks = method == "GET" or path.endswith("/query")
            return not asks and next(left, None) is None  # noqa: B023 - called within the round

        if done:
            metabase.after = cut
        else:
            metabase.before = lambda method, path: 0 if cut(method, path) else None
        with pytest.raises(MetabaseError):
            deployer.apply(modelled)
        metabase.before, metabase.after = lambda method, path: None, lambda method, path: False
        deployer.apply(modelled)
        assert deployer.plan(modelled).changes == ()
        assert [one["type"] for one in metabase.state.cards.values()].count("model") == 1
        for name, before in kept.items():
            setattr(metabase.state, name, copy.deepcopy(before))


def test_one_that_does_not_run_is_told(
    modelled: Items, metabase: Fake, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = modelled["card:model_clients"]
    broken = modelled | {one.id: replace(one, fields={**one.fields, "sql": "select nothing"})}
    assert [(card.dashboard, card.card) for card in deployer.apply(broken).broken] == [("", "model_clients")]


WRONG = {
    "no model of dbt": (
        SQL.replace("dim_client", "dim_clients"),
        r"clients.sql:2: model 'dim_clients' .* 'dim_client'",
    ),
    "a table by its name": (SQL.replace("{{ ref('dim_client') }}", "marts.dim_client"), "use {{ ref"),
    "a star": ("select * from {{ ref('dim_client') }}", "name its columns"),
    "a column that is none": ("select client_nam from {{ ref('dim_client') }}", r"clients.sql:1: .*client_nam"),
    "what differs each time": ("select now() as n from {{ ref('dim_client') }}", "differs from build to build"),
}


@pytest.mark.parametrize(("sql", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_told_with_its_line(sql: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=words):
        made(tmp_path, sql)


def test_a_file_too_few_and_one_too_many_are_told(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="the model 'clients' has no SQL"):
        load_queries(tmp_path, MODELS, RELATIONS)
    (tmp_path / "others.sql").write_text(SQL)
    with pytest.raises(DefinitionError, match=r"no model of models\.yaml uses this file"):
        load_queries(tmp_path, {}, RELATIONS)


def test_what_is_shipped_is_sound() -> None:
    directory = DEFINITIONS / "metabase" / "models"
    queries = load_queries(directory, ("applications", "recommendations"), RELATIONS)
    kinds = kinds_of(queries, directory, RELATIONS, all_columns())
    assert all(kind != "type/*" for columns in kinds.values() for kind in columns.values())
