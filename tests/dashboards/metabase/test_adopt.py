"""A dashboard that somebody made in Metabase becomes a definition; but for markers nothing there changes."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.checks import check_query
from dashboards.compile import compile_sql
from dashboards.metabase.adopt_sql import Place, authored
from dashboards.metabase.errors import AdoptError
from orchestration.cli.main import main
from tests.dashboards.metabase.server import API_KEY, Fake
from tests.dashboards.warehouse import DEFINITIONS

WEEKLY = "select week_starts_on, sum(application_count) as applications from reporting.rpt_overview_weekly group by 1"
BY_CLIENT = (
    "with named as (select client_name, client_slug from marts.dim_client) select client_name, client_slug from named"
)


@pytest.fixture
def home(tmp_path: Path, flux_home: Path, metabase: Fake, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLUX_HOME", str(flux_home))
    monkeypatch.setenv("FLUX_METABASE_URL", metabase.url)
    monkeypatch.setenv("FLUX_METABASE_API_KEY", API_KEY)
    shutil.copytree(DEFINITIONS, tmp_path / "definitions")
    return tmp_path / "definitions"


def test_sql_of_postgres_becomes_that_of_a_card() -> None:
    relations = {"fct_applications": "marts.fct_applications", "dim_client": "marts.dim_client"}
    sql = (
        "with some as (select client_id, applied_at::date as day from serving.fct_applications where source ~ '^re')"
        " select c.client_name, count(*) filter (where some.day > date '2026-01-01') as \"Seven days\""
        ' from some join "serving"."dim_client" as c using (client_id) group by 1'
    )
    place = Place.of("postgres", relations, {}, {})
    text = authored(sql, {}, place, "A card")
    assert "{{ ref('fct_applications') }} AS fct_applications" in text
    assert "{{ ref('dim_client') }} AS c" in text
    query = compile_sql(text, relations, path=Path("a.sql"))
    check_query(query, path=Path("a.sql"))
    assert query.refs == ("fct_applications", "dim_client")
    with pytest.raises(AdoptError, match=r"reads marts\.dim_client, which is no published model"):
        authored("select client_name from marts.dim_client", {}, place, "A card")


def add_card(fake: Fake, name: str, sql: str, display: str = "table", **more: Any) -> int:
    query = {"type": "native", "database": fake.state.database, "native": {"query": sql, "template-tags": {}}}
    settings = more.pop("settings", {})
    card = fake.state.add_card(
        {"name": name, "display": display, "visualization_settings": settings, "dataset_query": query, **more}
    )
    number: int = card["id"]
    return number


def add_dashboard(fake: Fake, name: str, *cards: int) -> int:
    number: int = fake.state.add_dashboard({"name": name, "description": "Do they apply?"})["id"]
    places: list[dict[str, Any]] = [
        {"id": -1 - place, "card_id": card, "row": 0, "col": place * 7, "size_x": 7, "size_y": 6}
        for place, card in enumerate(cards)
    ]
    places.append({"id": -99, "card_id": None, "row": 9, "col": 0, "size_x": 4, "size_y": 1,
                   "visualization_settings": {"text": "A word of Ann's"}})  # fmt: skip
    fake.state.change_dashboard(number, {"dashcards": places, "caveats": "Ask Ann."})
    return number


def without_markers(fake: Fake) -> Any:
    boards = copy.deepcopy(fake.state.dashboards)
    for board in boards.values():
        board.pop("updated_at")
        board["caveats"] = (board["caveats"] or "").partition("\n\nmanaged-by")[0]
    return boards, copy.deepcopy(fake.state.cards), copy.deepcopy(fake.state.sent.pulses)


def test_it_becomes_a_definition_and_only_markers_change(
    home: Path, metabase: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    weekly = add_card(metabase, "Weekly, all", WEEKLY, "line", description="Made in a week.")
    clients = add_card(metabase, "Clients", BY_CLIENT)
    number = add_dashboard(metabase, "Ann's board", weekly, clients)
    before = without_markers(metabase)

    arguments = ["dashboards", "adopt", f"{metabase.url}/dashboard/{number}-anns-board", "--key", "anns_board"]
    assert main([*arguments, "--owner", "Ann", "--into", str(home), "--json"]) == 0

    done = json.loads(capsys.readouterr().out)
    assert (done["cards"], done["number"]) == (2, number)
    assert len(done["left"]) == 1
    definition = yaml.safe_load((home / "anns_board.yaml").read_text())
    assert definition["rows"] == [{"weekly_all": 12, "clients": 12}]
    assert definition["cards"]["weekly_all"] == {
        "title": "Weekly, all", "chart": "line", "definition": "Made in a week.",
        "encode": {"x": "week_starts_on", "y": [{"column": "applications", "label": "Applications"}]},
        "format": "decimal", "grain": "week", "expect": {"rows": ">= 0"},
    }  # fmt: skip
    assert "{{ ref('rpt_overview_weekly') }}" in (home / "cards" / "weekly_all.sql").read_text()
    assert "{{ ref('dim_client') }}" in (home / "cards" / "clients.sql").read_text()
    assert without_markers(metabase) == before
    assert metabase.state.dashboards[number]["caveats"].startswith("Ask Ann.\n\nmanaged-by: flux dashboard=anns_board")
    assert main([*arguments, "--into", str(home)]) == 1
    assert "'anns_board' is a dashboard of Flux's there already" in capsys.readouterr().err


def test_afterwards_it_is_deployed_like_any_other_under_its_numbers(
    home: Path, metabase: Fake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weekly = add_card(metabase, "Weekly, all", WEEKLY, "line")
    number = add_dashboard(metabase, "Ann's board", weekly)
    place = metabase.state.dashboards[number]["dashcards"][0]["id"]
    assert main(["dashboards", "adopt", str(number), "--key", "anns_board", "--into", str(home)]) == 0
    monkeypatch.setattr("orchestration.walk.metabase.open_deployment.__defaults__", (home,))
    monkeypatch.setattr("click.launch", lambda address: 0)
    capsys.readouterr()

    assert main(["dashboards", "plan", "--json"]) == 2
    planned = {one["item"]: one for one in json.loads(capsys.readouterr().out)["changes"]}
    assert planned["card:weekly_all"]["action"] == "update"
    assert {field["cause"] for field in planned["dashboard:anns_board"]["fields"]} == {"definition"}
    assert main(["dashboards", "apply"]) == 0
    assert metabase.state.dashboards[number]["name"] == "Ann's board"
    assert metabase.state.cards[weekly]["dataset_query"]["native"]["query"] != WEEKLY
    assert place in {one["id"] for one in metabase.state.dashboards[number]["dashcards"]}
    assert main(["dashboards", "plan"]) == 0
    assert main(["dashboards", "open", "--metabase", "anns_board"]) == 0
    assert capsys.readouterr().out.strip().endswith(f"{metabase.url}/dashboard/{number}")


def test_one_of_a_defined_name_is_told_by_plan_and_becomes_that_ones(
    home: Path, metabase: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    card = add_card(metabase, "Applications by week", WEEKLY, "bar")
    number = add_dashboard(metabase, "Overview", card)

    assert main(["dashboards", "plan"]) == 2
    assert f"flux dashboards adopt {number} --key overview" in capsys.readouterr().out
    assert main(["dashboards", "adopt", str(number), "--key", "overview", "--into", str(home)]) == 0
    assert main(["dashboards", "apply"]) == 0

    assert [one["name"] for one in metabase.state.dashboards.values()].count("Overview") == 1
    assert [one["name"] for one in metabase.state.cards.values()].count("Applications by week") == 1
    assert card in {one["card_id"] for one in metabase.state.dashboards[number]["dashcards"]}
    assert main(["dashboards", "plan"]) == 0


@pytest.mark.parametrize("done", [False, True], ids=["before it was done", "after it was done"])
def test_an_adoption_that_is_cut_at_any_write_leaves_no_file_and_can_be_made_again(
    done: bool, home: Path, metabase: Fake
) -> None:
    number = add_dashboard(metabase, "Ann's board", add_card(metabase, "Weekly, all", WEEKLY, "line"))
    files, kept = sorted(home.rglob("*")), copy.deepcopy(vars(metabase.state))
    arguments = ["dashboards", "adopt", str(number), "--key", "anns_board", "--into", str(home)]
    for cuts in range(3):  # the collection, the number, the marker
        left = iter(range(cuts))

        def cut(method: str, path: str) -> bool:
            asks = method == "GET" or path.endswith(("/query", "/translate"))
            return not asks and next(left, None) is None  # noqa: B023 - called within the round

        if done:
            metabase.after = cut
        else:
            metabase.before = lambda method, path: 0 if cut(method, path) else None
        assert main(arguments) == 1
        metabase.before, metabase.after = lambda method, path: None, lambda method, path: False
        assert sorted(home.rglob("*")) == files
        assert main(arguments) == 0
        (home / "anns_board.yaml").unlink()
        (home / "cards" / "weekly_all.sql").unlink()
        for name in ("collections", "dashboards", "cards"):
            setattr(metabase.state, name, copy.deepcopy(kept[name]))


def test_a_card_is_taken_into_a_dashboard_that_is_there(
    home: Path, metabase: Fake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.walk.metabase.open_deployment.__defaults__", (home,))
    card = add_card(metabase, "Weekly, all", WEEKLY, "line", description="Made in a week.")
    into = ["--key", "overview", "--into", str(home)]
    assert main(["dashboards", "adopt", f"card:{card}", *into]) == 1
    assert "there is no dashboard 'overview' of Flux's" in capsys.readouterr().err
    assert main(["dashboards", "apply"]) == 0
    before, made = (home / "overview.yaml").read_text(), len(metabase.state.cards)

    assert main(["dashboards", "adopt", f"{metabase.url}/question/{card}-weekly-all", *into]) == 0

    added = [line for line in (home / "overview.yaml").read_text().splitlines() if line not in before.splitlines()]
    assert "  - {weekly_all: 24}" in added
    assert "    title: Weekly, all" in added
    assert not [line for line in before.splitlines() if line not in (home / "overview.yaml").read_text().splitlines()]
    assert metabase.state.cards[card]["dataset_query"]["native"]["query"] == WEEKLY
    assert main(["dashboards", "adopt", f"card:{card}", *into]) == 1
    assert "is Flux's already, as 'weekly_all'" in capsys.readouterr().err
    assert main(["dashboards", "apply"]) == 0
    assert len(metabase.state.cards) == made
    [board] = [one for one in metabase.state.dashboards.values() if one["name"] == "Overview"]
    assert card in {one["card_id"] for one in board["dashcards"]}
    assert main(["dashboards", "plan"]) == 0


def refused(home: Path, metabase: Fake, number: int, capsys: pytest.CaptureFixture[str]) -> str:
    files = sorted(home.rglob("*"))
    writes = [call for call in metabase.writes if call[0] != "GET"]
    assert main(["dashboards", "adopt", str(number), "--key", "anns_board", "--into", str(home)]) == 1
    assert sorted(home.rglob("*")) == files
    assert metabase.writes == writes
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("sql", "display", "words"),
    [
        ("select table_name from information_schema.tables", "table", "reads information_schema.tables, which is no"),
        ("select client_name from marts.dim_client where client_id = {{x}}", "table", "does not run there"),
        ("select client_name, client_id from marts.dim_client", "pie", "is drawn as 'pie'"),
        ("select client_name from marts.dim_client", "bar", "returns no number to draw"),
        ("select nothing from marts.dim_client", "table", "does not run there"),
    ],
)
def test_what_no_definition_can_say_is_refused_before_anything_is_written(
    sql: str, display: str, words: str, home: Path, metabase: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    card = add_card(metabase, "A card", "select 1", display)
    native = metabase.state.cards[card]["dataset_query"]["native"]
    native["query"] = sql
    if "{{x}}" in sql:
        native["template-tags"] = {"x": {"id": "1", "name": "x", "type": "number", "display-name": "X"}}
    assert words in refused(home, metabase, add_dashboard(metabase, "Ann's board", card), capsys)


def test_doubled_cards_and_what_is_no_dashboard_are_refused(
    home: Path, metabase: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    card = add_card(metabase, "A card", WEEKLY)
    number = add_dashboard(metabase, "Ann's board", card, card)
    assert "is placed twice" in refused(home, metabase, number, capsys)
    assert "is no dashboard and no card" in refused_word(home, capsys)


def refused_word(home: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["dashboards", "adopt", "Overview", "--key", "anns_board", "--into", str(home)]) == 1
    return capsys.readouterr().err
