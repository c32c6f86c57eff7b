"""With a selection the whole run keeps to itself what it should: no byte of it is where it must not be."""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from demo.server import Server
from ingestion.errors import SelectionError
from orchestration.cli.main import flux
from orchestration.errors import SettingError
from orchestration.settings import Settings, describe
from orchestration.walk import loading, readers
from orchestration.walk.selecting import selection

DROPPED, PROTECTED, HASHED, MASKED, UNKNOWN = (
    f"{word}-sentinel-7391" for word in ("drop", "prot", "hash", "mask", "unkn")
)
SECRET = "a-key-of-hashes-that-nobody-may-ever-see-7391"
SELECTION = """
tables:
  public.people:
    columns:
      id: public
      name: personal
      race: protected
      email: {class: personal, treatment: hash}
      phone: {class: personal, treatment: mask}
"""


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    path = tmp_path / "selection.yaml"
    path.write_text(SELECTION)
    slot = f"flux_{database.rpartition('_')[2][:12]}"
    return Settings(home=tmp_path / "home", source_url=database, selection=path, hash_key=SECRET, slot=slot)


def files_with(home: Path, text: str) -> set[str]:
    """Names of the files, below the home, in which a text stands, or its hexadecimal form."""
    found = set()
    for path in home.rglob("*"):
        if path.is_file() and text.encode() in path.read_bytes():
            top = path.relative_to(home).parts
            found.add(top[0] if top[0] == "log" else path.name)
    return found


def test_no_byte_of_what_is_kept_out_is_anywhere_after_a_whole_run(
    settings: Settings, postgres_server: Server, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    values = [DROPPED, PROTECTED, HASHED, MASKED, UNKNOWN]
    insert = "insert into people values (%s, %s, %s, %s, %s, %s)"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "create table people (id int primary key, name text, race text, email text, phone text, spare text)"
        )
        connection.execute(insert, [1, *values])
        loading.replicate(settings)
        connection.execute(insert, [2, *values])
        connection.execute("update people set spare = spare || '+' where id = 1")
    loading.replicate(settings)
    readers.publish(settings)

    assert files_with(settings.home, DROPPED) == set()
    assert files_with(settings.home, UNKNOWN) == set()
    assert files_with(settings.home, HASHED) == files_with(settings.home, MASKED) == {"log"}
    assert files_with(settings.home, PROTECTED) == {"log", "warehouse.duckdb", "protected.duckdb"}
    assert files_with(settings.home, SECRET) == set()
    assert not [word for word in (*values, SECRET) if word in caplog.text]
    assert SECRET not in repr(settings)
    assert stat.S_IMODE(settings.restricted_path.stat().st_mode) == 0o600


def test_the_log_is_its_owners_alone_under_any_umask(settings: Settings, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table people (id int primary key, email text)")
        connection.execute("insert into people values (1, 'x')")
    settings.home.mkdir()
    before = os.umask(0)
    try:
        loading.replicate(settings)
        loading.replicate(settings, again=["public.people"])
    finally:
        os.umask(before)
    modes = {
        str(path.relative_to(settings.home)): stat.S_IMODE(path.stat().st_mode)
        for path in (settings.log_directory, *settings.log_directory.rglob("*"))
    }
    assert {name: mode for name, mode in modes.items() if mode not in (0o700, 0o600)} == {}
    assert {"log", "log/postgres", "log/copies", "log/catalog.json"} <= modes.keys()


def test_plan_says_it_to_people_and_machines(
    settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table people (id int primary key, name text, email text, race text, spare text)")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    shown = CliRunner().invoke(flux, ["plan", "--json"])
    (table,) = json.loads(shown.output)["tables"]
    assert table["selection"]["dropped_by_publication"] == ["name"]
    assert table["selection"]["unclassified"] == ["spare"]
    assert table["selection"]["protected"] == ["race"]
    assert table["row_filter"] is None
    text = CliRunner().invoke(flux, ["plan"]).output
    assert "columns of classified tables" in text
    assert "dropped by publication" in text
    assert SECRET not in shown.output + text


def test_the_key_comes_from_one_place_and_is_never_shown(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "hash.key"
    file.write_text(f"{SECRET}\n")
    by_file = Settings(home=tmp_path, selection=settings.selection, hash_key_file=file)
    assert selection(by_file).key == selection(settings).key
    assert next(row["value"] for row in describe(settings) if row["name"] == "FLUX_HASH_KEY") == "***"
    with pytest.raises(SettingError, match="are both set"):
        Settings.read({"FLUX_HASH_KEY": SECRET, "FLUX_HASH_KEY_FILE": str(file)})
    with pytest.raises(SettingError, match="cannot be read"):
        selection(Settings(home=tmp_path, selection=settings.selection, hash_key_file=tmp_path / "none"))
    with pytest.raises(SelectionError, match="no key is set; make one with"):
        selection(Settings(home=tmp_path, selection=settings.selection))
