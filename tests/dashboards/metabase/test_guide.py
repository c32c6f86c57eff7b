"""The worked examples of docs/metabase.md, followed word for word on the stand-in."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import jwt
import pytest
import yaml

from orchestration.cli.main import main
from tests.dashboards.metabase.conftest import DATABASE
from tests.dashboards.metabase.server import API_KEY, Fake, serving
from tests.dashboards.metabase.state import State
from tests.dashboards.metabase.test_adopt import BY_CLIENT, WEEKLY, add_card, add_dashboard
from tests.dashboards.metabase.test_setting_up import PASSWORD, SECRET
from tests.dashboards.warehouse import DEFINITIONS, contracts

GUIDE = (Path(__file__).parents[3] / "docs" / "metabase.md").read_text()


def blocks(heading: str, language: str) -> list[str]:
    """Give the fenced blocks of a section."""
    section = GUIDE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def commands(heading: str) -> list[list[str]]:
    lines = [line for block in blocks(heading, "sh") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("flux ")]


@pytest.fixture
def home(tmp_path: Path, flux_home: Path, metabase: Fake, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Definitions that a test may change, and the settings of the stand-in."""
    for name, value in {"HOME": flux_home, "METABASE_URL": metabase.url, "METABASE_API_KEY": API_KEY}.items():
        monkeypatch.setenv(f"FLUX_{name}", str(value))
    shutil.copytree(DEFINITIONS, tmp_path / "definitions")
    monkeypatch.setattr("orchestration.walk.metabase.open_deployment.__defaults__", (tmp_path / "definitions",))
    return tmp_path / "definitions"


def test_a_subscription_is_added(home: Path, metabase: Fake) -> None:
    assert main(["dashboards", "apply"]) == 0
    [text] = blocks("Add a subscription", "yaml")
    (home / "metabase" / "sending.yaml").write_text(text)

    assert [main(words) for words in commands("Add a subscription")] == [2, 0]

    [pulse], [alert] = metabase.state.sent.pulses.values(), metabase.state.sent.notifications.values()
    assert pulse["name"] == yaml.safe_load(text)["subscriptions"]["overview_mondays"]["title"]
    assert alert["handlers"][0]["recipients"][0]["details"]["value"] == "#data"
    assert main(["dashboards", "plan"]) == 0


def test_a_dashboard_is_embedded_for_a_client(
    home: Path, metabase: Fake, flux_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [text] = blocks("Embed for a client", "yaml")
    shipped = yaml.safe_load((home / "metabase" / "access.yaml").read_text())["embedding"]
    assert yaml.safe_load(text)["embedding"].items() <= shipped.items()
    assert main(["dashboards", "apply"]) == 0
    published = flux_home / "published"
    published.mkdir()
    with duckdb.connect(str(published / "warehouse.duckdb")) as connection:
        connection.execute(
            "set TimeZone = 'UTC'; create schema marts; create schema _flux;"
            " create table marts.dim_client as select 17 as client_id, 'acme' as client_slug;"
            " create table _flux.cuts as select 1 as cut_id, 1 as epoch, 1 as lsn, now() as clock_at, now() as made_at"
        )
    monkeypatch.setenv("FLUX_METABASE_EMBEDDING_SECRET", SECRET)
    capsys.readouterr()

    assert [main(words) for words in commands("Embed for a client")] == [0]

    address = urlsplit(capsys.readouterr().out.strip())
    claims = jwt.decode(address.path.rpartition("/")[2], SECRET, algorithms=["HS256"])
    [number] = [number for number, one in metabase.state.dashboards.items() if one["name"] == "Hiring funnel"]
    assert (claims["resource"], claims["params"]) == ({"dashboard": number}, {"client_id": 17})
    assert main(["dashboards", "embed", "hiring_funnel", "--client", "nobody"]) == 1
    assert "no client has the slug 'nobody'" in capsys.readouterr().err
    assert main(["dashboards", "embed", "overview", "--client", "acme"]) == 1
    assert "'overview' may not be embedded" in capsys.readouterr().err


def test_a_dashboard_is_adopted(home: Path, metabase: Fake) -> None:
    number = add_dashboard(
        metabase, "Pipeline", add_card(metabase, "Weekly", WEEKLY, "line"), add_card(metabase, "Clients", BY_CLIENT)
    )
    adopt, plan, _ = commands("Adopt what somebody made")
    words = [str(number) if word == "12" else word for word in adopt]
    assert main([*words, "--into", str(home)]) == 0
    assert main(plan) == 2
    assert yaml.safe_load((home / "pipeline.yaml").read_text())["owner"] == "Talent acquisition"


def test_a_filter_is_left_behind(home: Path, metabase: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    number = add_dashboard(metabase, "Pipeline", add_card(metabase, "Weekly", WEEKLY, "line"))
    period = {"id": "1", "slug": "period", "name": "Period", "type": "date/range"}
    metabase.state.change_dashboard(number, {"parameters": [period]})
    *_, adopt = commands("Adopt what somebody made")
    assert main([*(str(number) if word == "12" else word for word in adopt), "--into", str(home)]) == 0
    assert "the filter 'Period' does not come along" in capsys.readouterr().out
    assert "filters" not in yaml.safe_load((home / "pipeline.yaml").read_text())


def test_people_are_put_into_a_group(home: Path, metabase: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    metabase.state.people.join("ann@example.com")
    [text] = blocks("Rights", "yaml")
    access = home / "metabase" / "access.yaml"
    lines = access.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  leaders: "))
    access.write_text("\n".join([*lines[:at], text.splitlines()[1], *lines[at + 1 :]]) + "\n")

    assert main(["dashboards", "plan"]) == 2
    assert "no account there, so in no group: bob@example.com" in capsys.readouterr().out
    assert main(["dashboards", "apply"]) == 0
    number = next(n for n, one in metabase.state.people.groups.items() if one["name"] == "Leaders")
    assert [one["email"] for one in metabase.state.people.group(number)["members"]] == ["ann@example.com"]
    assert main(["dashboards", "plan"]) == 0


def test_an_empty_one_is_set_up(tmp_path: Path, flux_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported = dict(re.findall(r"^export (\w+)=(.*)$", blocks("First set-up", "sh")[0], re.MULTILINE))
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "admin").write_text(PASSWORD)
    (secrets / "embedding").write_text(SECRET)
    there = {("serving", name): columns for name, (_, columns) in contracts().items()}
    state = State(lambda sql: [], DATABASE, there)  # no Postgres: that the cards' SQL runs on one is another test
    with serving(Fake(state, empty=True)) as fake:
        for name, value in (exported | {"FLUX_METABASE_URL": fake.url, "FLUX_HOME": str(flux_home)}).items():
            monkeypatch.setenv(name, str(tmp_path / value) if value.startswith("secrets/") else value)
        assert [main(words) for words in commands("First set-up")] == [0, 0]
        assert len(state.dashboards) == 6
        assert main(["dashboards", "plan"]) == 0
