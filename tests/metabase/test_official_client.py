"""Metabase's own client reads all that Flux made, and what it makes itself the stand-in takes and Flux leaves alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dashboards.metabase.metrics import metric_items, stages
from dashboards.metabase.sending import sending_items
from dashboards.metabase.surroundings import Alert, Subscription, Surroundings, When
from dashboards.metabase.wanted import Item
from orchestration.cli.main import main
from tests.dashboards.metabase.conftest import Deployer
from tests.dashboards.metabase.server import API_KEY, Fake
from tests.dashboards.warehouse import DEFINITIONS, METRICS
from tests.metabase.conftest import Mb

Items = dict[str, Item]


def test_it_reads_every_object_that_flux_made(items: Items, metabase: Fake, deployer: Deployer, mb: Mb) -> None:
    deployer.apply(items)

    cards = {one["id"]: one for one in mb("card", "list", "--limit", "500")["data"]}
    numbers = deployer.found(items).numbers("card")
    wanted = [item for item in items.values() if item.kind == "card"]
    assert set(cards) == {numbers[item.key] for item in wanted}
    assert all(cards[numbers[item.key]]["display"] == item.fields["display"] for item in wanted)
    boards = [mb("dashboard", "get", str(number)) for number in metabase.state.dashboards]
    assert {one["name"] for one in boards} == {
        item.fields["name"] for item in items.values() if item.kind == "dashboard"
    }
    assert all(one["dashcards"] and one["parameters"] is not None for one in boards)
    collections = {one["name"] for one in mb("collection", "list")["data"]}
    assert {"Flux", "Leadership", "Analysts"} <= collections
    assert [one["name"] for one in mb("db", "list")["data"]] == ["Flux"]


def test_it_offers_the_values_of_a_filter(few: Items, metabase: Fake, deployer: Deployer, mb: Mb) -> None:
    deployer.apply(few)
    [(number, board)] = metabase.state.dashboards.items()
    offered = mb("dashboard", "parameter-values", str(number), board["parameters"][0]["id"])["values"]
    assert offered[0] == ["All clients"]
    assert len(offered) > 1


def test_what_it_makes_flux_leaves_alone(few: Items, metabase: Fake, deployer: Deployer, mb: Mb) -> None:
    query = {"type": "native", "database": 2, "native": {"query": "select 1", "template-tags": {}}}
    card = mb("card", "create", body={
        "name": "Mine", "display": "scalar", "visualization_settings": {}, "dataset_query": query,
    })  # fmt: skip
    place = {"id": -1, "card_id": card["id"], "row": 0, "col": 0, "size_x": 6, "size_y": 3}
    board = mb("dashboard", "create", body={"name": "Overview", "dashcards": [place]})

    deployer.apply(few)

    assert deployer.plan(few).changes == ()
    assert mb("dashboard", "get", str(board["id"]))["dashcards"][0]["card_id"] == card["id"]
    assert len(metabase.state.dashboards) == 2


def test_an_edit_that_it_makes_is_told(few: Items, metabase: Fake, deployer: Deployer, mb: Mb) -> None:
    deployer.apply(few)
    number = next(number for number, one in metabase.state.cards.items() if one["name"] == "Applications")
    mb("card", "update", str(number), body={"name": "Applies"})

    [edit] = deployer.plan(few).edits
    assert [(edit.item.id, one.name, one.cause) for one in edit.fields] == [("card:applications", "name", "edited")]


def test_it_reads_what_is_sent_and_what_is_told_of_tables(
    few: Items, metabase: Fake, deployer: Deployer, mb: Mb
) -> None:
    everywhere = Surroundings(
        subscriptions={
            "mondays": Subscription("mondays", "Mondays", "overview", When("week", 8, "mon"), ("ann@example.com",))
        },
        alerts={"many": Alert("many", "applications_weekly", "rows", When("hour"), slack="#data")},
    )
    items = few | {item.id: item for item in sending_items(everywhere, few)}
    deployer.apply(items)

    [subscription] = mb("subscription", "list")["data"]
    assert subscription["name"] == "Mondays"
    assert len(subscription["cards"]) == 3
    [alert] = mb("alert", "list")["data"]
    assert alert["subscriptions"][0]["cron_schedule"] == "0 0 * * * ? *"
    number = metabase.state.schema.of_name("dim_client")["id"]
    mb("table", "update", str(number), body={"description": "Whom we serve."})
    assert mb("table", "get", str(number))["description"] == "Whom we serve."
    field = metabase.state.schema.number_of("fct_applications", "client_id")
    target = metabase.state.schema.number_of("dim_client", "client_id")
    mb("field", "update", str(field), body={"semantic_type": "type/FK", "fk_target_field_id": target})
    assert mb("field", "get", str(field))["fk_target_field_id"] == target


def test_what_it_edits_of_a_subscription_is_told(few: Items, metabase: Fake, deployer: Deployer, mb: Mb) -> None:
    mondays = Subscription("mondays", "Mondays", "overview", When("day", 8), ("ann@example.com",))
    items = few | {item.id: item for item in sending_items(Surroundings(subscriptions={"mondays": mondays}), few)}
    deployer.apply(items)
    [number] = metabase.state.sent.pulses
    mb("subscription", "update", str(number), body={"skip_if_empty": True})
    [edit] = deployer.plan(items).edits
    assert [(one.name, one.cause) for one in edit.fields] == [("skip_if_empty", "edited")]


def test_it_takes_the_very_query_that_a_metric_is_written_as(metabase: Fake, mb: Mb) -> None:
    """The client checks queries of Metabase's own language against its schema before it sends them."""
    schema = metabase.state.schema
    tables = {one["name"]: number for number, one in schema.tables.items()}
    columns = {
        f"{schema.tables[one['table_id']]['name']}.{one['name']}": number for number, one in schema.fields.items()
    }
    held = {name: [column for table, column in (key.split(".") for key in columns) if table == name] for name in tables}
    metrics = list(metric_items(METRICS, held, 2))
    assert len(metrics) >= 6
    for item in metrics[:4]:
        query = {"lib/type": "mbql/query", "database": 2, "stages": stages(item.fields, tables, columns)}
        card = mb("card", "create", body={
            "name": item.fields["name"], "type": "metric", "display": "scalar", "visualization_settings": {},
            "dataset_query": query,
        })  # fmt: skip
        assert mb("card", "get", str(card["id"]))["type"] == "metric"


def test_what_it_makes_can_be_adopted(
    few: Items, metabase: Fake, deployer: Deployer, mb: Mb, flux_home: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sql = "select week_starts_on, sum(hire_count) as hires from reporting.rpt_overview_weekly group by 1"
    query = {"type": "native", "database": 2, "native": {"query": sql, "template-tags": {}}}
    card = mb("card", "create", body={
        "name": "Hires, weekly", "display": "line", "dataset_query": query,
        "visualization_settings": {"graph.dimensions": ["week_starts_on"], "graph.metrics": ["hires"]},
    })  # fmt: skip
    place = {"id": -1, "card_id": card["id"], "row": 0, "col": 0, "size_x": 12, "size_y": 6}
    board = mb("dashboard", "create", body={"name": "By hand", "dashcards": [place]})
    shutil.copytree(DEFINITIONS, tmp_path / "definitions")
    for name, value in {"HOME": flux_home, "METABASE_URL": metabase.url, "METABASE_API_KEY": API_KEY}.items():
        monkeypatch.setenv(f"FLUX_{name}", str(value))

    into = ["--into", str(tmp_path / "definitions")]
    assert main(["dashboards", "adopt", str(board["id"]), "--key", "by_hand", *into]) == 0

    assert "{{ ref('rpt_overview_weekly') }}" in (tmp_path / "definitions" / "cards" / "hires_weekly.sql").read_text()
    assert "managed-by: flux dashboard=by_hand" in mb("dashboard", "get", str(board["id"]))["caveats"]
