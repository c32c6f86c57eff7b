"""Settings: read once, checked, masked, documented."""

import os
import re
from pathlib import Path

import pytest

from ingestion.warehouse.urls import bigquery_place
from orchestration.engines import require_models
from orchestration.errors import NotBuiltYetError, SettingError
from orchestration.models.project import set_environment
from orchestration.settings import Settings, describe, masked

README = Path(__file__).parents[2] / "README.md"


def test_defaults_need_no_variable() -> None:
    settings = Settings.read({"PATH": "/bin"})
    assert settings.home == Path.cwd() / ".flux"
    assert settings.warehouse_path == settings.home / "warehouse.duckdb"
    assert settings.source_url is None


def test_values_are_parsed_by_the_type_of_their_field(tmp_path: Path) -> None:
    settings = Settings.read(
        {
            "FLUX_HOME": str(tmp_path),
            "FLUX_DEMO_SCALE": "0.25",
            "FLUX_DEMO_SEED": "1_000",
            "FLUX_DEMO_END": "2026-06-30",
            "FLUX_DEBUG": "true",
            "FLUX_SLOT": "",
        }
    )
    assert (settings.demo_scale, settings.demo_seed, settings.debug) == (0.25, 1000, True)
    assert settings.demo_end is not None
    assert settings.demo_end.isoformat() == "2026-06-30"
    assert settings.slot == "flux"


def test_builds_take_the_memory_that_they_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DBT_WAREHOUSE", "DBT_WAREHOUSE_PATH", "DBT_THREADS", "DBT_MEMORY_LIMIT"):
        monkeypatch.setenv(name, "2")  # of a build before; what is set here is gone afterwards
    home = {"FLUX_HOME": str(tmp_path)}
    set_environment(Settings.read({**home, "FLUX_BUILD_MEMORY_BYTES": "300_000_000"}))
    assert os.environ["DBT_MEMORY_LIMIT"] == "300000000B"
    set_environment(Settings.read(home))
    assert "DBT_MEMORY_LIMIT" not in os.environ
    with pytest.raises(SettingError, match="FLUX_BUILD_MEMORY_BYTES wants at least 67108864, got 1"):
        Settings.read({**home, "FLUX_BUILD_MEMORY_BYTES": "1"})


def test_unknown_variable_is_an_error_that_names_its_neighbours() -> None:
    with pytest.raises(SettingError, match=r"unknown setting 'FLUX_SORCE_URL'; did you mean FLUX_SOURCE_URL"):
        Settings.read({"FLUX_SORCE_URL": "postgresql://x/y"})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("FLUX_DEMO_SCALE", "big", "a number"),
        ("FLUX_DEMO_SCALE", "0", "above 0"),
        ("FLUX_DEMO_SCALE", "nan", "above 0"),
        ("FLUX_DEMO_END", "30.06.2026", "YYYY-MM-DD"),
        ("FLUX_COLLECT_PORT", "70000", "65535"),
        ("FLUX_DEBUG", "perhaps", "1 or 0"),
        ("FLUX_SLOT", "Flux-Prod", "lower-case"),
        ("FLUX_CLOCK", "simulated_clock", "schema.table.column"),
        ("FLUX_SOURCE_URL", "mysql://x/y", "postgresql://"),
        ("FLUX_WAREHOUSE_URL", "oracle://x", "duckdb:///"),
    ],
)
def test_value_that_cannot_be_meant_is_an_error_that_says_what_is_wanted(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingError, match=re.escape(words)) as caught:
        Settings.read({name: value})
    assert name in str(caught.value)


def test_warehouse_of_a_later_version_says_so() -> None:
    with pytest.raises(NotBuiltYetError, match="snowflake is not built yet"):
        Settings.read({"FLUX_WAREHOUSE_URL": "snowflake://account"})


def test_a_warehouse_on_bigquery_says_where_it_is_and_what_it_may_cost() -> None:
    said = {"FLUX_WAREHOUSE_URL": "bigquery://acme-data/flux_", "FLUX_BIGQUERY_DAY_BYTES": "1000000"}
    settings = Settings.read({**said, "FLUX_BIGQUERY_LOCATION": "EU", "FLUX_BIGQUERY_JOB_BYTES": "5000"})
    place = bigquery_place(settings.warehouse)
    assert (place.project, place.prefix, place.location) == ("acme-data", "flux_", "EU")
    assert (place.job_bytes, place.day_bytes) == (5000, 1_000_000)
    assert settings.is_read_in_place
    for url, words in (
        ("bigquery://", "id of a project"),
        ("bigquery://acme-data/flux-prod", "letters, digits and _"),
        ("bigquery://acme-data?location=EU", "FLUX_BIGQUERY_"),
    ):
        with pytest.raises(SettingError, match=words):
            Settings.read({"FLUX_WAREHOUSE_URL": url})
    with pytest.raises(NotBuiltYetError, match="models on BigQuery"):
        require_models(settings)


def test_secrets_appear_neither_in_repr_nor_in_errors_nor_in_the_list() -> None:
    settings = Settings.read(
        {"FLUX_SOURCE_URL": "postgresql://ann:s3cret@db:5432/app?sslmode=require", "FLUX_WRITE_KEYS": "s3cret:default"}
    )
    shown = {row["name"]: row["value"] for row in describe(settings)}
    assert "s3cret" not in repr(settings) + str(shown)
    assert shown["FLUX_SOURCE_URL"] == "postgresql://db:5432/app"
    assert shown["FLUX_WRITE_KEYS"] == "***:default"
    with pytest.raises(SettingError) as caught:
        Settings.read({"FLUX_SOURCE_URL": "mysql://ann:s3cret@db/app"})
    assert "s3cret" not in str(caught.value)


def test_write_key_without_a_source_is_masked_whole() -> None:
    assert masked("lonely") == "***"


def test_environment_of_a_child_reads_back_the_same_settings(tmp_path: Path) -> None:
    settings = Settings.read({"FLUX_HOME": str(tmp_path), "FLUX_DEMO_END": "2026-06-30", "FLUX_DEBUG": "1"})
    assert Settings.read(settings.environment()) == settings


def test_readme_lists_every_setting_with_its_type_default_and_meaning() -> None:
    if not README.exists():
        pytest.skip("README.md is not written yet")
    section = re.search(r"^#+ Settings\n(.*?)(?=^#|\Z)", README.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert section is not None, "README has no heading 'Settings'"
    rows = [
        [cell.strip().replace("`", "") for cell in line.strip().strip("|").split(" | ")]
        for line in section[1].splitlines()
        if line.lstrip().startswith("|") and "FLUX_" in line
    ]
    plain = Settings.read({})
    wanted = [[row["name"], row["type"], row["default"], row["doc"].replace("`", "")] for row in describe(plain)]
    assert rows == wanted
