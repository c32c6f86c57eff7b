"""`flux dashboards plan`, `apply`, `diff` and `prune`, as somebody at a terminal meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestration.cli.main import main
from tests.dashboards.metabase.server import API_KEY, Fake


@pytest.fixture
def home(tmp_path: Path, flux_home: Path, metabase: Fake, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLUX_HOME", str(flux_home))
    monkeypatch.setenv("FLUX_METABASE_URL", metabase.url)
    monkeypatch.setenv("FLUX_METABASE_API_KEY", API_KEY)
    return tmp_path


def test_plan_apply_plan_edit_and_diff(home: Path, metabase: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboards", "plan", "--json"]) == 2
    planned = json.loads(capsys.readouterr().out)
    made = [one["item"] for one in planned["changes"] if one["action"] == "create"]
    told = {one["item"].partition(":")[0] for one in planned["changes"] if one["action"] == "update"}
    assert told == {"group", "table"}  # all users, and what is told of tables that are there
    assert metabase.writes == []

    assert main(["dashboards", "apply"]) == 0
    assert f"{len(made)} made, {len(planned['changes']) - len(made)} changed" in capsys.readouterr().out
    assert main(["dashboards", "plan"]) == 0
    assert "as the definitions say" in capsys.readouterr().out

    next(one for one in metabase.state.cards.values() if one["name"] == "Applications").update(name="Applies")
    assert main(["dashboards", "diff", "--only", "card:applications"]) == 2
    shown = capsys.readouterr().out
    assert "name: edited in Metabase" in shown
    assert "    -Applies\n    +Applications\n" in shown
    assert main(["dashboards", "apply"]) == 1
    assert "--overwrite-edits" in capsys.readouterr().err
    assert main(["dashboards", "apply", "--overwrite-edits", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["updated"] == ["card:applications"]
    assert main(["dashboards", "prune"]) == 0


def test_key_may_stand_in_a_file_and_is_never_shown(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["settings"]) == 0
    assert API_KEY not in capsys.readouterr().out
    monkeypatch.delenv("FLUX_METABASE_API_KEY")
    assert main(["dashboards", "plan"]) == 1
    assert "FLUX_METABASE_API_KEY" in capsys.readouterr().err
    (home / "key").write_text(f"{API_KEY}\n")
    monkeypatch.setenv("FLUX_METABASE_API_KEY_FILE", str(home / "key"))
    assert main(["dashboards", "plan"]) == 2


def test_without_a_metabase_or_its_database_the_error_says_what_to_set(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_METABASE_DATABASE", "Sales")
    assert main(["dashboards", "plan"]) == 1
    assert "no database 'Sales' (it has 'Flux')" in capsys.readouterr().err
    monkeypatch.delenv("FLUX_METABASE_URL")
    assert main(["dashboards", "plan"]) == 1
    assert "FLUX_METABASE_URL" in capsys.readouterr().err


def test_definitions_are_sound(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboards", "validate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dashboards"] == 8
