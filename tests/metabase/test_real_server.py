"""The whole cycle against a real Metabase. Nobody has run it yet; deploy/metabase starts a server for it.

Set METABASE_URL (an empty one, or one that Flux set up), METABASE_ADMIN_EMAIL, METABASE_ADMIN_PASSWORD, and
METABASE_DATABASE_URL, the published models as that Metabase reaches them; FLUX_HOME is the home that they came from.
Everything that it makes stays there, archived at most.
"""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path

import pytest

from dashboards.metabase.client import Client
from orchestration.cli.main import main

NEEDED = ("METABASE_URL", "METABASE_ADMIN_EMAIL", "METABASE_ADMIN_PASSWORD", "METABASE_DATABASE_URL", "FLUX_HOME")
MISSING = [name for name in NEEDED if not os.environ.get(name)]
SECRET = "0123456789abcdef" * 4
CLIENTS = "select client_slug from marts.dim_client order by 1 limit 1"

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"no real Metabase: set {', '.join(MISSING)}")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    for name in NEEDED[:-1]:
        monkeypatch.setenv(f"FLUX_{name}", os.environ[name])
    monkeypatch.setattr("click.launch", lambda address: 0)
    monkeypatch.setenv("FLUX_METABASE_API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("FLUX_METABASE_EMBEDDING_SECRET", SECRET)
    assert main(["dashboards", "set-up"]) == 0
    return Client(os.environ["METABASE_URL"], api_key=(tmp_path / "key").read_text().strip())


def test_the_whole_cycle(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboards", "apply", "--overwrite-edits"]) == 0
    assert main(["dashboards", "plan"]) == 0, capsys.readouterr().out

    assert main(["dashboards", "open", "--metabase", "overview"]) == 0
    number = capsys.readouterr().out.strip().rpartition("/")[2]
    board = client.get(f"/api/dashboard/{number}")
    places = {one["card_id"]: one["id"] for one in board["dashcards"]}
    client.put(f"/api/dashboard/{number}", {"name": "Somebody's overview"})
    assert main(["dashboards", "diff", "--only", "dashboard:overview"]) == 2
    assert "edited in Metabase" in capsys.readouterr().out
    assert main(["dashboards", "apply"]) == 1
    assert main(["dashboards", "apply", "--overwrite-edits"]) == 0
    assert {one["card_id"]: one["id"] for one in client.get(f"/api/dashboard/{number}")["dashcards"]} == places
    assert main(["dashboards", "plan"]) == 0
    assert main(["dashboards", "prune"]) == 0


def test_a_dashboard_of_its_users_is_adopted(
    client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    from orchestration.walk.readers import DEFINITIONS

    shutil.copytree(DEFINITIONS, tmp_path / "definitions")
    database = next(one["id"] for one in client.get("/api/database")["data"] if one["name"] == "Flux")
    query = {"type": "native", "database": database, "native": {"query": "select client_name from serving.dim_client"}}
    card = client.post("/api/card", {
        "name": "Clients", "display": "table", "visualization_settings": {}, "dataset_query": query,
    })  # fmt: skip
    number = client.post("/api/dashboard", {"name": "Somebody's"})["id"]
    place = {"id": -1, "card_id": card["id"], "row": 0, "col": 0, "size_x": 12, "size_y": 6}
    client.put(f"/api/dashboard/{number}", {"dashcards": [place]})
    into = ["--into", str(tmp_path / "definitions")]
    assert main(["dashboards", "adopt", str(number), "--key", f"somebodys_{number}", *into]) == 0
    assert "managed-by: flux" in client.get(f"/api/dashboard/{number}")["caveats"]


def test_an_embedded_dashboard_answers_for_one_client(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["query", CLIENTS, "--json"]) == 0
    slug = json.loads(capsys.readouterr().out)[0]["client_slug"]
    assert main(["dashboards", "embed", "hiring_funnel", "--client", slug]) == 0
    address = capsys.readouterr().out.strip()
    token = address.rpartition("/embed/dashboard/")[2].partition("#")[0]
    base = f"{client.url}/api/embed/dashboard/{token}"
    with urllib.request.urlopen(base) as answer:
        assert json.loads(answer.read())["name"] == "Hiring funnel"
    assert main(["dashboards", "open", "--metabase", "hiring_funnel"]) == 0
    board = client.get(f"/api/dashboard/{capsys.readouterr().out.strip().rpartition('/')[2]}")
    for place in board["dashcards"]:  # the locked number reaches every card
        if place["card_id"] is not None:
            with urllib.request.urlopen(f"{base}/dashcard/{place['id']}/card/{place['card_id']}") as answer:
                assert json.loads(answer.read())["status"] == "completed", place
