"""Filters and variables that somebody made in Metabase become filters of a definition that say the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
import yaml

from dashboards.checks import check_query
from dashboards.compile import compile_sql
from dashboards.metabase.adopt_sql import Choice, Place, authored, origin_in
from dashboards.metabase.errors import AdoptError
from orchestration.cli.main import main
from orchestration.serving import translated
from tests.dashboards.metabase.server import Fake
from tests.dashboards.metabase.test_adopt import home  # noqa: F401 - a fixture
from tests.dashboards.warehouse import contracts

Json = dict[str, Any]
RELATIONS = {name: f"{schema}.{name}" for name, (schema, _) in contracts().items()}
COLUMNS = {f"{schema}.{name}": list(columns) for name, (schema, columns) in contracts().items()}
FIELD = 7  # client_name of dim_client, on the server of these tests
PLACE = Place.of("duckdb", RELATIONS, COLUMNS, {FIELD: "dim_client.client_name"})
JOINED = "from marts.fct_applications as a join marts.dim_client as c using (client_id)"
TEXT = {"type": "text", "name": "client"}
NUMBER = {"type": "number", "name": "client"}
DIMENSION = {"type": "dimension", "name": "client", "dimension": ["field", FIELD, None], "widget-type": "string/="}

SAME: dict[str, tuple[str, Json, str]] = {
    "a clause that may be left out": (
        f"select a.source, count(*) as n {JOINED} where true [[and c.client_name = {{{{client}}}}]] group by 1",
        TEXT,
        "client_name",
    ),
    "a condition that must be there": (
        f"select a.source, count(*) as n {JOINED} where c.client_slug = {{{{ client }}}} group by 1 order by 2 desc, 1",
        TEXT,
        "client_slug",
    ),
    "a condition inside a named query": (
        "with picked as (select client_id, client_name from marts.dim_client where client_name = {{client}})"
        " select a.source, count(*) as n from marts.fct_applications as a join picked using (client_id) group by 1",
        TEXT,
        "client_name",
    ),
    "a column that a named query gives": (
        f"with named as (select a.source, c.client_name as who {JOINED})"
        " select source, count(*) as n from named where who = {{client}} group by 1 order by 1",
        TEXT,
        "client_name",
    ),
    "a condition inside a subquery": (
        "select source, count(*) as n from marts.fct_applications where client_id in"
        " (select client_id from marts.dim_client where client_name in ({{client}})) group by 1 order by source",
        TEXT,
        "client_name",
    ),
    "letters of any size": (
        f"select a.source, count(*) as n {JOINED} where lower(c.client_name) = lower({{{{client}}}}) group by 1",
        TEXT,
        "client_name",
    ),
    "a number": (
        "select source, count(*) as n from marts.fct_applications where client_id = {{client}} group by 1 order by 1",
        NUMBER,
        "client_id",
    ),
    "a field filter": (
        f"select a.source, count(*) as n {JOINED} where {{{{client}}}} and a.is_open group by 1 order by 1",
        DIMENSION,
        "client_name",
    ),
    "the first ones alone, by what is not shown": (
        f"select a.source {JOINED} where c.client_name = {{{{client}}}} group by 1 order by count(*) desc, 1 limit 2",
        TEXT,
        "client_name",
    ),
    "a filter in a count": (
        f"select a.source, count(*) filter (where c.client_name = {{{{client}}}}) as n {JOINED} group by 1 order by 1",
        TEXT,
        "client_name",
    ),
}


def as_metabase_asks(sql: str, tag: Json, value: str) -> str:
    """Put a value in as Metabase does."""
    given = value if tag["type"] == "number" else f"'{value}'"
    given = f"c.client_name = {given}" if tag["type"] == "dimension" else given
    return sql.replace("[[", "").replace("]]", "").replace("{{client}}", given).replace("{{ client }}", given)


@pytest.mark.parametrize(("sql", "tag", "column"), SAME.values(), ids=SAME.keys())
def test_a_query_says_the_same_of_each_value(
    sql: str, tag: Json, column: str, warehouse: duckdb.DuckDBPyConnection
) -> None:
    cursor = warehouse.cursor()
    values = [str(row[0]) for row in cursor.execute(f"select distinct {column} from marts.dim_client").fetchall()]
    names = [one[0] for one in cursor.execute(as_metabase_asks(sql, tag, values[0])).description or ()]
    choice = Choice("client", "client", "client")
    origin = origin_in(sql, {"client": tag}, PLACE, "A card", choice)
    assert origin is not None

    text = authored(sql, {"client": tag}, PLACE, "A card", choice=choice, origin=origin, returned=names)

    query = compile_sql(text.replace("{{ filter('client') }}", "'All'"), RELATIONS, path=Path("a.sql"))
    assert check_query(query, path=Path("a.sql")).is_ordered
    rows = cursor.execute(query.sql).fetchall()
    assert {row[0] for row in rows} == {"All", *values}
    for value in values:
        here = [row[1:] for row in rows if row[0] == value]
        there = cursor.execute(as_metabase_asks(sql, tag, value)).fetchall()
        assert (here if "order by" in sql else sorted(here)) == (there if "order by" in sql else sorted(there)), value


ON_POSTGRES = """
create schema serving;
create table serving.dim_client as select n as client_id, 'Client ' || n as client_name, 'client-' || n as client_slug
from generate_series(1, 3) as n;
create table serving.fct_applications as
select n as application_id, 1 + n % 3 as client_id, 'source ' || n % 4 as source, n % 5 > 0 as is_open
from generate_series(1, 90) as n;
"""


def test_a_query_says_the_same_of_each_value_on_postgres(database: str) -> None:
    """Written in Postgres' dialect, kept in DuckDB's, and asked in Postgres' again, as a Metabase does by default."""
    place = Place.of("postgres", RELATIONS, COLUMNS, {FIELD: "dim_client.client_name"})
    choice = Choice("client", "client", "client")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(ON_POSTGRES)
        for name, (said, tag, column) in SAME.items():
            sql, tags = said.replace("marts.", "serving."), {"client": tag}
            values = [str(one) for (one,) in connection.execute(f"select {column} from serving.dim_client".encode())]
            names = [
                one.name for one in connection.execute(as_metabase_asks(sql, tag, values[0]).encode()).description or ()
            ]
            origin = origin_in(sql, tags, place, "A card", choice)
            text = authored(sql, tags, place, "A card", choice=choice, origin=origin, returned=names)
            query = compile_sql(text.replace("{{ filter('client') }}", "'All'"), RELATIONS, path=Path("a.sql"))

            rows = connection.execute(translated(query.sql).encode()).fetchall()

            assert {row[0] for row in rows} == {"All", *values}, name
            for value in values:
                here = [row[1:] for row in rows if row[0] == value]
                there = connection.execute(as_metabase_asks(sql, tag, value).encode()).fetchall()
                assert sorted(here) == sorted(there), name
                assert here == there or "order by" not in sql, name


def test_values_that_somebody_listed_are_the_choices(warehouse: duckdb.DuckDBPyConnection) -> None:
    sql = "select source, count(*) as n from marts.fct_applications where upper(source) || '' = {{kind}} group by 1"
    tags = {"kind": {"type": "text", "name": "kind"}}
    choice = Choice("kind", "kind", "kind", ("REFERRAL", "O'Hara"))
    text = authored(sql, tags, PLACE, "A card", choice=choice, returned=["source", "n"])
    sql = compile_sql(text.replace("{{ filter('kind') }}", "'All'"), RELATIONS, path=Path("a.sql")).sql
    assert "'O''Hara'" in sql
    assert warehouse.cursor().execute(sql).fetchall()


def test_variables_that_no_filter_sets_have_their_defaults_or_go() -> None:
    sql = (
        "select source from marts.fct_applications where status = {{status}} and days_open > {{days}}"
        " [[and source = {{source}}]] and {{field}}"
    )
    tags: dict[str, Json] = {
        "status": {"type": "text", "name": "status", "default": ["it's open"]},
        "days": {"type": "number", "name": "days", "default": "0"},
        "source": {"type": "text", "name": "source"},
        "field": DIMENSION | {"name": "field"},
    }
    text = " ".join(authored(sql, tags, PLACE, "A card").split())
    assert "status = 'it''s open' AND days_open > 0 AND 1 = 1" in text
    assert "source =" not in text


WRONG: dict[str, tuple[str, Mapping[str, Json], str]] = {
    "a snippet": ("select 1 as n from marts.dim_client where {{snippet: mine}}", {}, "a snippet or another card"),
    "another card": ("select * from {{#7-clients}}", {}, "a snippet or another card"),
    "a variable without a value": (
        "select client_name from marts.dim_client where client_id = {{x}}",
        {"x": {"type": "number", "name": "x"}},
        "the variable 'x' without a default",
    ),
    "a field filter with a default of its own": (
        "select client_name from marts.dim_client where {{x}}",
        {"x": DIMENSION | {"name": "x", "default": ["Acme"]}},
        "the field filter 'x' with a default",
    ),
}


@pytest.mark.parametrize(("sql", "tags", "words"), WRONG.values(), ids=WRONG.keys())
def test_what_has_no_value_is_refused(sql: str, tags: Mapping[str, Json], words: str) -> None:
    with pytest.raises(AdoptError, match=words):
        authored(sql, tags, PLACE, "A card")


UNCHOSEN: dict[str, tuple[str, Json, str]] = {
    "a part of a word": ("client_name like '%' || {{client}} || '%'", TEXT, "more with the variable"),
    "a bound": ("client_id > {{client}}", NUMBER, "more with the variable"),
    "all but one": ("not client_name = {{client}}", TEXT, "more with the variable"),
    "two columns": ("client_name || client_slug = {{client}}", TEXT, "more with the variable"),
    "text in quotation marks": ("client_name = '{{client}}'", TEXT, "more with the variable"),
    "a computed column": ("left(client_name, 1) = {{client}}", TEXT, "no column of a model"),
    "a range of a field": ("{{client}}", DIMENSION | {"widget-type": "date/range"}, "of the kind 'date/range'"),
    "a field of another table": (
        "{{client}}",
        DIMENSION | {"dimension": ["field", 8, None]},
        "does not read just once",
    ),
}


@pytest.mark.parametrize(("condition", "tag", "words"), UNCHOSEN.values(), ids=UNCHOSEN.keys())
def test_what_no_choice_can_say_is_refused(condition: str, tag: Json, words: str) -> None:
    sql, choice = f"select client_name from marts.dim_client where {condition}", Choice("client", "client", "client")
    with pytest.raises(AdoptError, match=words):
        authored(sql, {"client": tag}, PLACE, "A card", choice=choice, returned=["client_name"],
                 origin=origin_in(sql, {"client": tag}, PLACE, "A card", choice))  # fmt: skip


# ---------- whole dashboards

WEEKLY = (
    "select applied_week_starts_on as week, count(*) as applications from marts.fct_applications as a"
    " join marts.dim_client as c using (client_id) where true [[and c.client_name = {{who}}]] group by 1"
)
BY_SOURCE = "select source, count(*) as n from marts.fct_applications where {{kind}} group by 1 order by 2 desc"
CLIENT = {"id": "c11e", "slug": "client-name", "name": "Client", "type": "string/="}
KIND = {"id": "a1d", "slug": "kind", "name": "Kind", "type": "string/=", "default": ["gig"]}


def filtered(fake: Fake, *, more: list[Json] | None = None) -> int:
    """A dashboard with two filters on two tabs: a variable that may be left out, a field filter, a subscription."""
    kind = fake.state.schema.number_of("fct_applications", "opportunity_kind")
    cards = []
    for name, sql, display, tag in (
        ("Weekly", WEEKLY, "line", {"name": "who", "type": "text"}),
        ("By source", BY_SOURCE, "row", {"name": "kind", "type": "dimension", "dimension": ["field", kind, None],
                                         "widget-type": "string/="}),
        ("Clients", "select client_name, client_slug from marts.dim_client order by 1", "table", None),
    ):  # fmt: skip
        tags = {} if tag is None else {
            tag["name"]: {"id": "5b0b0f9e-0000-4000-8000-000000000000", "display-name": "X", **tag}
        }  # fmt: skip
        query = {"type": "native", "database": 2, "native": {"query": sql, "template-tags": tags}}
        body = {"name": name, "display": display, "visualization_settings": {}, "dataset_query": query}
        cards.append(fake.state.add_card(body)["id"])
    number: int = fake.state.add_dashboard({"name": "Ann's board", "description": "Do they apply?"})["id"]
    targets = [
        [{"parameter_id": "c11e", "card_id": cards[0], "target": ["variable", ["template-tag", "who"]]}],
        [{"parameter_id": "a1d", "card_id": cards[1], "target": ["dimension", ["template-tag", "kind"]]}],
        [],
    ]
    places = [
        {"id": -1 - place, "card_id": card, "row": 0, "col": 0, "size_x": 7, "size_y": 6,
         "dashboard_tab_id": -1 if place < 2 else -2, "parameter_mappings": targets[place]}
        for place, card in enumerate(cards)
    ]  # fmt: skip
    places[1]["col"] = 7
    tabs = [{"id": -1, "name": "How many"}, {"id": -2, "name": "Who"}]
    fake.state.change_dashboard(
        number, {"parameters": [CLIENT, KIND, *(more or [])], "tabs": tabs, "dashcards": places}
    )
    return number


def test_a_dashboard_with_filters_and_tabs_becomes_a_definition_that_applies_and_then_plans_nothing(
    home: Path,  # noqa: F811
    metabase: Fake,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestration.walk.metabase.open_deployment.__defaults__", (home,))
    number = filtered(metabase)
    places = {one["card_id"]: one["id"] for one in metabase.state.dashboards[number]["dashcards"]}
    tabs = {one["name"]: one["id"] for one in metabase.state.dashboards[number]["tabs"]}

    assert main(["dashboards", "adopt", str(number), "--key", "anns_board", "--into", str(home), "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["dropped"] == []
    said = yaml.safe_load((home / "anns_board.yaml").read_text())
    assert said["filters"] == {
        "client_name": {"label": "Client", "column": "client_name", "all": "All"},
        "kind": {"label": "Kind", "column": "kind", "all": "All"},
    }
    assert said["tabs"] == [{"title": "How many", "rows": 1}, {"title": "Who", "rows": 1}]
    assert said["rows"] == [{"weekly": 12, "by_source": 12}, {"clients": 24}]
    assert [card.get("filters") for card in said["cards"].values()] == [["client_name"], ["kind"], None]
    assert main(["dashboards", "plan", "--json"]) == 2
    planned = {one["item"]: one for one in json.loads(capsys.readouterr().out)["changes"]}
    assert {field["cause"] for field in planned["dashboard:anns_board"]["fields"]} == {"definition"}

    assert main(["dashboards", "apply"]) == 0
    assert main(["dashboards", "plan"]) == 0, capsys.readouterr().out
    board = metabase.state.dashboards[number]
    assert {one["card_id"]: one["id"] for one in board["dashcards"] if one["card_id"] in places} == places
    assert {one["name"]: one["id"] for one in board["tabs"]} == tabs
    kind = next(one for one in board["parameters"] if one["slug"] == "kind")
    assert kind["id"] == "a1d"
    offered = [row[0] for row in metabase.state.values(number, "a1d")["values"]]
    assert offered[0] == "All"
    assert len(offered) > 2


def test_a_filter_that_no_page_can_show_is_refused_or_left_behind(
    home: Path,  # noqa: F811
    metabase: Fake,
    capsys: pytest.CaptureFixture[str],
) -> None:
    number = filtered(metabase)
    board = metabase.state.dashboards[number]
    board["parameters"][0]["type"] = "date/range"
    adopt = ["dashboards", "adopt", str(number), "--key", "anns_board", "--into", str(home)]
    assert main(adopt) == 1
    assert "the filter 'Client' is of the kind 'date/range'" in capsys.readouterr().err
    assert main([*adopt, "--without", "Cliend"]) == 1
    assert "no filter 'Cliend'; did you mean 'Client'" in capsys.readouterr().err
    assert main([*adopt, "--without", "Client", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dropped"] == ["Client"]
    assert list(yaml.safe_load((home / "anns_board.yaml").read_text())["filters"]) == ["kind"]
    assert "client_name" not in (home / "cards" / "weekly.sql").read_text()


def test_two_filters_on_one_card_and_cards_over_one_another_are_refused(
    home: Path,  # noqa: F811
    metabase: Fake,
    capsys: pytest.CaptureFixture[str],
) -> None:
    more = {"id": "b0b", "slug": "client", "name": "Customer", "type": "string/="}
    number = filtered(metabase, more=[more])
    [weekly] = [one for one in metabase.state.dashboards[number]["dashcards"] if len(one["parameter_mappings"]) and (
        one["parameter_mappings"][0]["parameter_id"] == "c11e")]  # fmt: skip
    mapping = weekly["parameter_mappings"][0] | {"parameter_id": "b0b"}
    weekly["parameter_mappings"].append(mapping)
    adopt = ["dashboards", "adopt", str(number), "--key", "anns_board", "--into", str(home)]
    assert main(adopt) == 1
    assert "'Weekly' obeys two filters, 'client_name' and 'client'" in capsys.readouterr().err
    weekly["parameter_mappings"].pop()
    weekly["series"] = [{"id": weekly["card_id"]}]
    assert main(adopt) == 1
    assert "another card is drawn over 'Weekly'" in capsys.readouterr().err
