"""The selection on every Postgres that Flux claims: 14 has neither lists nor filters, what is kept out is kept out."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from demo.server import Server
from ingestion.load.service import Loader
from ingestion.postgres.plan import make_plan
from ingestion.proof import prove
from ingestion.selection.hash_key import HashKey
from ingestion.selection.reader import parse_selection
from tests.conftest import RUNS
from tests.crash.servers import FAST, programs
from tests.ingestion.pipeline import pipeline

KEY = HashKey(b"a key of thirty-two bytes or more")
TEXT = """
unlisted: refuse
tables:
  public.t:
    columns: {id: public, email: {class: personal, treatment: hash}, name: personal, race: protected}
  public.filtered:
    rows: "id > 0"
"""


@pytest.fixture(params=[14, 15, 16, 17, 18], ids="postgres-{}".format)
def database(request: pytest.FixtureRequest, postgres_server: Server) -> Iterator[tuple[int, str]]:
    """A release, and the URL of an empty database of it."""
    found, server = programs(request.param), postgres_server
    if found is not None:
        server = Server(RUNS / f"{postgres_server.directory.name}-selection-{request.param}", FAST, found)
        server.start()
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server.database_url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template template0".encode())
        yield request.param, server.database_url(name)
        connection.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active")
        connection.execute(f"drop database {name} with (force)".encode())
    if found is not None:
        server.remove()
        shutil.rmtree(server.directory, ignore_errors=True)


def test_what_the_selection_keeps_out_is_kept_out_on_every_release(database: tuple[int, str], tmp_path: Path) -> None:
    release, url = database
    flux = pipeline(url, tmp_path, selection=parse_selection(TEXT, key=KEY))
    flux.execute(
        "create table t (id int primary key, email text, name text, race text, spare text)",
        "create table filtered (id int primary key)",
        "insert into t select i, 'm' || i, 'name-sentinel', 'r', 'spare-sentinel' from generate_series(1, 9) as i",
        "insert into filtered values (1), (-1)",
    )
    plan = make_plan(flux.source)
    planned = next(table for table in plan.tables if table.table.source == "public.t")
    assert planned.fates is not None
    flux.replicate()
    flux.execute("update t set id = 20, race = 's' where id = 2", "delete from t where id = 3")
    flux.replicate()

    log = b"".join(path.read_bytes() for path in (tmp_path / "log").rglob("*") if path.is_file())
    if release == 14:
        assert planned.fates.dropped_by_load == ("name",)
        assert [refusal.table.source for refusal in plan.refused] == ["public.filtered"]
        assert b"name-sentinel" in log
    else:
        assert planned.fates.dropped_by_publication == ("name",)
        assert flux.query("select id from raw_app.filtered") == [(1,)]
        assert b"sentinel" not in log
    assert b"sentinel" not in (tmp_path / "warehouse.duckdb").read_bytes()
    assert flux.query("select email from raw_app.t where id = 20") == [(KEY.hash("m2"),)]
    assert flux.query("select race from restricted.t where id = 20") == [("s",)]
    assert prove(flux.source, Loader(tmp_path, flux.destination.url, selection=flux.source.selection)).equal
