"""The same on the real service: FLUX_TEST_BIGQUERY=bigquery://PROJECT/PREFIX, and Google's credentials.

Not run where Flux is made. Makes datasets whose names begin with the prefix and a number, and removes them.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingestion.errors import WarehouseError
from ingestion.verify import assert_history_replays
from ingestion.warehouse.bigquery.service import Service
from ingestion.warehouse.urls import bigquery_place
from tests.bigquery.test_two_loaders import who_opens_takes_over
from tests.bigquery.warehouse import BigqueryWarehouse
from tests.ingestion.pipeline import pipeline
from tests.ingestion.verified import assert_verified

URL = os.environ.get("FLUX_TEST_BIGQUERY", "")
pytestmark = [
    pytest.mark.skipif(not URL, reason="FLUX_TEST_BIGQUERY names no project"),
    pytest.mark.timeout(1800),
]


@pytest.fixture
def real() -> Iterator[BigqueryWarehouse]:
    warehouse = BigqueryWarehouse(f"{URL}t{uuid.uuid4().hex[:8]}_")
    yield warehouse
    warehouse.lose()


def test_copy_changes_and_shapes_end_equal(database: str, tmp_path: Path, real: BigqueryWarehouse) -> None:
    flux = pipeline(database, tmp_path, warehouse=real)
    flux.execute(
        "create table t (id int primary key, a text, n numeric(38,10), d date, at timestamptz)",
        "insert into t select i, 'x' || i, i / 7.0, '2026-01-01', now() from generate_series(1, 1000) i",
        "insert into t values (0, null, 'NaN', 'infinity', '-infinity')",
        "create table bag (x float8)",
        "alter table bag replica identity full",
        "insert into bag values ('NaN'), (0), ('-0'), (0)",
    )
    flux.replicate()
    flux.execute(
        "update t set a = 'y' where id < 50", "delete from t where id > 990", "delete from bag where x = 'NaN'"
    )
    flux.execute("alter table t rename a to id_name", "alter table t drop n", "alter table t add b int default 5")
    flux.execute("insert into t (id, id_name) values (-1, 'z')")
    flux.replicate()
    assert_verified(flux)
    with flux.destination.open() as destination:
        assert_history_replays(destination)
    ((billed,),) = flux.query("select sum(bytes_billed) from _flux.load_costs")
    assert billed > 0


def test_of_two_loaders_one_commits(database: str, tmp_path: Path, real: BigqueryWarehouse) -> None:
    who_opens_takes_over(pipeline(database, tmp_path, warehouse=real), tmp_path / "log")


def test_a_statement_beyond_its_limit_is_refused_before_it_runs(real: BigqueryWarehouse) -> None:
    refused = pytest.raises(WarehouseError, match="FLUX_BIGQUERY_JOB_BYTES")
    with closing(Service(bigquery_place(f"{real.url}?job_bytes=1"))) as service, refused:
        service.query("select count(distinct word) from `bigquery-public-data.samples.shakespeare`")
