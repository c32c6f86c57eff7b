"""kill -9 at every place of the loader, on BigQuery: nothing is lost, doubled or seen by half."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import tests.ingestion
from ingestion.failpoints import FAILPOINTS, VARIABLE
from ingestion.verify import assert_history_replays
from tests.bigquery.warehouse import BigqueryWarehouse
from tests.ingestion.pipeline import Pipeline, pipeline

REPLICATOR = Path(tests.ingestion.__file__).with_name("replicator.py")
# The status is the service's, which the replicator is not.
PLACES = [
    name for name in FAILPOINTS if name.startswith(("load.", "bigquery.")) and name != "load.status.before_rename"
]
COLUMNS = {"bigquery.columns.dropped", "bigquery.columns.renamed"}


@pytest.fixture
def flux(database: str, tmp_path: Path, warehouse: BigqueryWarehouse) -> Pipeline:
    return pipeline(database, tmp_path, warehouse=warehouse)


def killed_at(flux: Pipeline, place: str) -> None:
    command = [sys.executable, str(REPLICATOR), flux.source.url, flux.source.slot, str(flux.home), flux.destination.url]
    environment = {**os.environ, "PYTHONPATH": ".", VARIABLE: place}
    found = subprocess.run(command, capture_output=True, timeout=120, env=environment, check=False)
    assert found.returncode == -signal.SIGKILL, found.stderr[-2000:]


def assert_exact(flux: Pipeline) -> None:
    flux.replicate()
    assert flux.query("select id, a, b from raw_app.t order by id") == flux.at_source("select * from t order by id")
    doubled = "select id, _lsn, _seq from raw_app_history.t group by 1, 2, 3 having count(*) > 1"
    assert flux.query(doubled) == []
    assert flux.query("select id from raw_app.bag order by id") == flux.at_source("select id from bag order by id")
    with flux.destination.open() as destination:
        assert_history_replays(destination)


@pytest.mark.parametrize("place", PLACES)
def test_a_kill_changes_nothing(flux: Pipeline, place: str) -> None:
    flux.execute(
        "create table t (id int primary key, a text, b text)",
        "insert into t select i, 'x', 'y' from generate_series(1, 20) i",
        "create table bag (id int)",
        "alter table bag replica identity full",
        "insert into bag values (1), (1), (2)",
    )
    if place.startswith("load.copy."):
        killed_at(flux, place)
    else:
        flux.replicate()
    flux.execute(
        "update t set a = 'z' where id < 9",
        "delete from t where id = 9",
        "insert into t values (21, 'new', 'one')",
        "delete from bag where ctid = (select min(ctid) from bag where id = 1)",
        "insert into bag values (3)",
    )
    if place in COLUMNS:
        flux.execute(
            "alter table t rename b to c", "alter table t drop a", "alter table t add a text", "update t set a = 'A'"
        )
        killed_at(flux, place)
        flux.execute("insert into t (id, c, a) values (22, 'c', 'a')")
        flux.replicate()
        rows = flux.at_source("select id, c, a from t order by id")
        assert flux.query("select id, c, a from raw_app.t order by id") == rows
        assert flux.query("select count(*) from _flux.columns where name is null or name <> stored") == [(0,)]
        return
    if not place.startswith("load.copy."):
        killed_at(flux, place)
    flux.execute("update t set b = 'later' where id > 15")
    assert_exact(flux)
