"""Secrets out of files: FLUX_SOURCE_URL_FILE and its like."""

from pathlib import Path

import pytest

from orchestration.errors import SettingError
from orchestration.settings import Settings, secrets


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://flux:pw@db/product\n")
    assert (
        Settings.read({"FLUX_SOURCE_URL_FILE": str(tmp_path / "url")}).source_url == "postgresql://flux:pw@db/product"
    )


def test_a_child_with_both_takes_the_file_that_may_be_newer(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://flux:new@db/product")
    environment = {"FLUX_SOURCE_URL_FILE": str(tmp_path / "url"), "FLUX_SOURCE_URL": "postgresql://flux:old@db/product"}
    assert Settings.read(environment).source_url == "postgresql://flux:new@db/product"


def test_a_file_that_is_missing_or_empty_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for name, words in (("none", "cannot be read"), ("empty", "is empty")):
        with pytest.raises(SettingError, match=f"FLUX_WRITE_KEYS_FILE names .*{name}.* {words}"):
            Settings.read({"FLUX_WRITE_KEYS_FILE": str(tmp_path / name)})


def test_a_wrong_value_from_a_file_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("mysql://ann:s3cret@db/app")
    with pytest.raises(SettingError) as caught:
        Settings.read({"FLUX_SOURCE_URL_FILE": str(tmp_path / "url")})
    assert "s3cret" not in str(caught.value)


def test_what_has_a_setting_for_its_file_is_left_to_that() -> None:
    assert "FLUX_SOURCE_URL" in secrets()
    assert "FLUX_HASH_KEY" not in secrets()
    with pytest.raises(SettingError, match="FLUX_SLOT_FILE"):
        Settings.read({"FLUX_SLOT_FILE": "x"})
