"""An empty Metabase is set up once, from whatever state it was left in; no secret is shown."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboards.metabase.errors import MetabaseError, MetabaseVersionError, SetUpError
from dashboards.metabase.setting_up import Admin, Ready, Source, set_up
from orchestration.cli.main import main
from tests.dashboards.metabase.conftest import DATABASE
from tests.dashboards.metabase.server import Fake, serving
from tests.dashboards.metabase.state import State
from tests.dashboards.warehouse import contracts

PASSWORD = "a long pass phrase 42"
SECRET = "0123456789abcdef" * 4
READER = "postgresql://metabase:reader's%20word@postgres:5433/flux?sslmode=require"


@pytest.fixture
def empty(warehouse: duckdb.DuckDBPyConnection) -> Iterator[Fake]:
    there = {("serving", name): columns for name, (_, columns) in contracts().items()}
    state = State(lambda sql: warehouse.cursor().execute(sql).fetchall(), DATABASE, there)
    with serving(Fake(state, empty=True)) as fake:
        yield fake


def bring_up(fake: Fake, file: Path, **changes: Any) -> Ready:
    key = file.read_text().strip() if file.exists() else None
    given: dict[str, Any] = {
        "admin": Admin("ann@example.com", PASSWORD), "source": Source("Flux", READER), "api_key": key,
        "key_file": file, "embedding_secret": SECRET, "wait_seconds": 5.0, "say": lambda what: None,
        "sleep": lambda seconds: None,
    }  # fmt: skip
    return set_up(fake.url, **(given | changes))


def test_an_empty_one_gets_administrator_key_database_and_embedding(empty: Fake, tmp_path: Path) -> None:
    empty.house.starting = 6
    key_file = tmp_path / "secrets" / "key"

    ready = bring_up(empty, key_file)

    assert ready.version == 58
    assert ready.made == ("first administrator", "API key", "database", "signed embedding")
    assert ready.tables == len(contracts())
    assert empty.house.admin == ("ann@example.com", PASSWORD)
    assert empty.house.settings["anon-tracking-enabled"] is False
    [database] = empty.house.databases.values()
    assert database["details"] == {
        "host": "postgres", "port": 5433, "dbname": "flux", "user": "metabase", "password": "reader's word",
        "ssl": True, "schema-filters-type": "inclusion", "schema-filters-patterns": "serving",
    }  # fmt: skip
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert key_file.read_text().strip() in {one["key"] for one in empty.house.keys.values()}


def test_again_nothing_is_missing(empty: Fake, tmp_path: Path) -> None:
    bring_up(empty, tmp_path / "key")
    keys = dict(empty.house.keys)
    assert bring_up(empty, tmp_path / "key").made == ()
    assert bring_up(empty, tmp_path / "key", admin=None).made == ()
    assert empty.house.keys == keys


def test_a_key_that_was_lost_is_renewed(empty: Fake, tmp_path: Path) -> None:
    bring_up(empty, tmp_path / "key")
    (tmp_path / "key").unlink()
    assert bring_up(empty, tmp_path / "key").made == ("API key",)
    assert len(empty.house.keys) == 1
    assert bring_up(empty, tmp_path / "key", admin=None).made == ()


def test_another_address_of_the_database_is_corrected(empty: Fake, tmp_path: Path) -> None:
    bring_up(empty, tmp_path / "key")
    moved = Source("Flux", READER.replace("5433", "5434"))
    assert bring_up(empty, tmp_path / "key", source=moved).made == ("database's address",)
    assert next(iter(empty.house.databases.values()))["details"]["port"] == 5434


def test_a_duckdb_file_is_the_alternative(empty: Fake, tmp_path: Path) -> None:
    bring_up(empty, tmp_path / "key", source=Source("Flux", "duckdb:///data/warehouse.duckdb"))
    [database] = empty.house.databases.values()
    assert (database["engine"], database["details"]["database_file"]) == ("duckdb", "/data/warehouse.duckdb")
    assert database["details"]["read_only"] is True


@pytest.mark.parametrize("done", [False, True], ids=["before it was done", "after it was done"])
def test_a_set_up_that_is_cut_anywhere_goes_on(done: bool, empty: Fake, tmp_path: Path) -> None:
    cuts = 0
    while True:
        empty.house.__init__(DATABASE, empty=True)  # type: ignore[misc]
        key_file = tmp_path / str(cuts) / "key"
        left = iter(range(cuts))

        def cut(method: str, path: str) -> bool:
            return method != "GET" and next(left, None) is None  # noqa: B023 - called within the round

        if done:
            empty.after = cut
        else:
            empty.before = lambda method, path: 0 if cut(method, path) else None
        try:
            bring_up(empty, key_file)
            break
        except MetabaseError:
            empty.before, empty.after = lambda method, path: None, lambda method, path: False
        bring_up(empty, key_file)
        assert bring_up(empty, key_file).made == ()
        assert len(empty.house.databases) == len(empty.house.keys) == 1
        cuts += 1
    assert cuts >= 6


WRONG: dict[str, tuple[Callable[[Fake], object], dict[str, Any], type[MetabaseError], str]] = {
    "never well": (
        lambda fake: vars(fake.house).update(starting=10_000),
        {"wait_seconds": 0.0},
        SetUpError,
        "did not become well",
    ),
    "too old": (lambda fake: vars(fake).update(version="v0.57.2"), {}, MetabaseVersionError, "v0.57.2"),
    "no administrator told": (lambda fake: None, {"admin": None}, SetUpError, "FLUX_METABASE_ADMIN_EMAIL"),
    "no file for the key": (lambda fake: None, {"key_file": None}, SetUpError, "FLUX_METABASE_API_KEY_FILE"),
    "somebody else's": (
        lambda fake: vars(fake.house).update(admin=("eve@example.com", "another 1")),
        {"admin": None},
        SetUpError,
        "the API key at hand is not known there",
    ),
    "a URL without a database": (
        lambda fake: None,
        {"source": Source("Flux", "postgresql://h")},
        SetUpError,
        "role:password@host",
    ),
    "another kind of database": (
        lambda fake: None,
        {"source": Source("Flux", "mysql://h/d")},
        SetUpError,
        "duckdb:///PATH",
    ),
    "no table": (
        lambda fake: vars(fake.state.schema).update(_there={}),
        {"wait_seconds": 0.0},
        SetUpError,
        "has read no table of 'Flux'",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_set_up_says_what_to_do_and_no_secret(
    case: tuple[Callable[[Fake], object], dict[str, Any], type[MetabaseError], str], empty: Fake, tmp_path: Path
) -> None:
    arrange, changes, kind, words = case
    arrange(empty)
    with pytest.raises(kind, match=words) as refused:
        bring_up(empty, tmp_path / "key", **changes)
    assert PASSWORD not in str(refused.value)
    assert "reader" not in str(refused.value)


def test_the_command_shows_no_secret(
    empty: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    for name, value in {
        "HOME": tmp_path / "home", "METABASE_URL": empty.url, "METABASE_ADMIN_EMAIL": "ann@example.com",
        "METABASE_ADMIN_PASSWORD_FILE": tmp_path / "password", "METABASE_API_KEY_FILE": tmp_path / "key",
        "METABASE_DATABASE_URL": READER, "METABASE_EMBEDDING_SECRET": SECRET,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"FLUX_{name}", str(value))
    assert main(["dashboards", "set-up"]) == 0
    assert main(["settings"]) == 0
    shown = "".join(capsys.readouterr())
    assert "Metabase 58 is ready" in shown
    assert "made: first administrator" in shown
    for hidden in (PASSWORD, "reader's", "reader%27s", SECRET, (tmp_path / "key").read_text().strip()):
        assert hidden not in shown
