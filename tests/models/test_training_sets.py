"""Training sets of the small warehouse, by the commands: pulled, verified, rebuilt, and without who left since."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from click.testing import CliRunner

from ingestion.warehouse.publish import publish
from orchestration.cli.training import command
from orchestration.models import manifest_path
from orchestration.settings import Settings
from tests.models.dbt_runs import DbtOn
from training.spec import SPECS

pytestmark = pytest.mark.slow

# Two months of days are short for three splits in time.
SPLIT = {"kind": "time", "train": 0.5, "valid": 0.25, "test": 0.25, "embargo": "3d"}

Run = Callable[..., tuple[int, Any]]


def home_of(built: Path, home: Path) -> Settings:
    """Make a FLUX_HOME in which `built` is published, as a build leaves it."""
    settings = Settings(home=home)
    settings.dbt_directory.mkdir(parents=True)
    shutil.copy(built.parent / "target" / "manifest.json", manifest_path(settings))
    publish(built, settings.published_path)
    return settings


@pytest.fixture(scope="module")
def home(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return home_of(built, tmp_path_factory.mktemp("sets") / "home").home


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = yaml.safe_load((SPECS / "match.yaml").read_text(encoding="utf-8"))
    path = tmp_path_factory.mktemp("spec") / "short.yaml"
    path.write_text(yaml.safe_dump({**document, "split": SPLIT}, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture
def flux(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `flux training ... --json` in the home and return its exit code and what it printed."""
    monkeypatch.setenv("FLUX_HOME", str(home))

    def run(*arguments: str) -> tuple[int, Any]:
        done = CliRunner().invoke(command, [*arguments, "--json"], standalone_mode=False, catch_exceptions=False)
        return int(done.return_value), json.loads(done.stdout)

    return run


@pytest.fixture
def pulled(flux: Run, spec: Path) -> dict[str, Any]:
    code, told = flux("pull", str(spec))
    assert code == 0
    return dict(told)


def test_a_set_verifies_rebuilds_elsewhere_and_does_not_differ_from_itself(
    flux: Run, pulled: dict[str, Any], tmp_path: Path
) -> None:
    code, verified = flux("verify", pulled["id"])
    assert (code, verified["changes"], verified["unasked"]) == (0, [], None)
    alone = shutil.copy(Path(pulled["directory"]) / "manifest.json", tmp_path / "alone.json")

    code, again = flux("rebuild", str(alone), "--out", str(tmp_path / "again"))

    assert (code, again["id"], again["created"]) == (0, pulled["id"], True)
    assert (again["successor"], again["files_differing"]) == (False, [])
    assert flux("diff", pulled["id"], pulled["id"])[1]["same"]


def test_manifest_has_positions_of_sources_models_and_who_was_withheld(flux: Run, pulled: dict[str, Any]) -> None:
    _, manifest = flux("card", pulled["id"])

    sources = {source["relation"]: source for source in manifest["sources"]}
    assert sources["raw_app_history.match_impressions"]["rows"] > 500
    assert all(source["lsn"] <= manifest["cut"]["lsn"] for source in sources.values() if source["lsn"])
    models = manifest["lineage"]["models"]
    assert {"model.flux.ml_match_spine", "model.flux.ml_match_examples_v2", "macro.flux.pit_join"} <= models.keys()
    assert {"consent withdrawn", "never consented"} <= manifest["withheld"].keys()
    assert all(finding["passed"] for finding in manifest["leakage"])
    assert all(column["description"] for column in manifest["schema"] if column["name"] != "relevance")


def test_changed_specification_is_named_by_verify(flux: Run, pulled: dict[str, Any], spec: Path) -> None:
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("seed: 7", "seed: 8"), encoding="utf-8")
    try:
        code, verified = flux("verify", pulled["id"])
    finally:
        spec.write_text(text, encoding="utf-8")

    assert code == 1
    assert verified["changes"] == [{"kind": "specification", "name": "seed", "was": 7, "now": 8}]


def test_who_withdraws_consent_is_missing_from_the_successor_alone(
    flux: Run, pulled: dict[str, Any], built: Path, dbt_on: DbtOn, home: Path, tmp_path: Path
) -> None:
    with duckdb.connect(str(built), read_only=True) as warehouse:
        member, key = warehouse.execute(
            "select member_id, any_value(subject_key) from ml.ml_match_spine where example_kind = 'impression'"
            " group by member_id order by count(*) desc, member_id limit 1"
        ).fetchall()[0]
    assert flux("erase-check", str(member)) == flux("erase-check", key)
    code, held = flux("erase-check", key)
    assert code == 1
    assert f"match/{pulled['id']}" in {one["dataset"] for one in held}
    later = without_consent(built, dbt_on, member, tmp_path)
    publish(later, Settings(home=home).published_path)
    try:
        code, verified = flux("verify", pulled["id"])
        assert code == 1
        assert {change["kind"] for change in verified["changes"]} == {"relation"}

        code, successor = flux("rebuild", pulled["id"])

        assert (code, successor["successor"]) == (0, True)
        assert successor["left_out"] == {"consent withdrawn": 1}
        _, difference = flux("diff", pulled["id"], successor["id"])
        assert (difference["rows_added"], difference["rows_changed"]) == (0, 0)
        assert difference["rows_removed"] == successor["rows_left_out"] > 0
        holders = {one["dataset"] for one in flux("erase-check", str(member))[1]}
        assert f"match/{successor['id']}" not in holders
    finally:
        publish(built, Settings(home=home).published_path)


def without_consent(built: Path, dbt_on: DbtOn, member: int, directory: Path) -> Path:
    """Copy the warehouse, withdraw a member's consent in it, and build the models that ask for it again."""
    later = directory / "warehouse.duckdb"
    shutil.copy(built, later)
    with duckdb.connect(str(later)) as warehouse:
        warehouse.execute("update raw_app.consents set withdrawn_at = granted_at where member_id = $1", [member])
    dbt_on(f"duckdb:///{later}", directory).run("run", "--select", "int_match_subjects+")
    return later
