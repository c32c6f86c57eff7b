"""What the source says lands in BigQuery: mirrors, histories, position, clock, and the shapes of tables."""

from pathlib import Path

import pytest

from tests.bigquery.warehouse import BigqueryWarehouse
from tests.ingestion.pipeline import Pipeline, pipeline


@pytest.fixture
def flux(database: str, tmp_path: Path, warehouse: BigqueryWarehouse) -> Pipeline:
    return pipeline(database, tmp_path, warehouse=warehouse)


def test_copy_and_changes_land_in_mirror_and_history(flux: Pipeline) -> None:
    flux.execute("create table t (id int primary key, a text)", "insert into t values (1, 'x'), (2, 'y')")
    flux.replicate()
    assert flux.query("select id, a from raw_app.t order by id") == [(1, "x"), (2, "y")]
    flux.execute(
        "insert into t values (3, 'z')", "update t set a = 'it''s `q` \\ ü' where id = 1", "delete from t where id = 2"
    )
    flux.replicate()
    assert flux.query("select id, a from raw_app.t order by id") == [(1, "it's `q` \\ ü"), (3, "z")]
    assert flux.query("select _op, id, a from raw_app_history.t order by _lsn, _seq, id") == [
        ("snapshot", 1, "x"), ("snapshot", 2, "y"), ("insert", 3, "z"), ("update", 1, "it's `q` \\ ü"),
        ("delete", 2, None),
    ]  # fmt: skip
    assert flux.query("select state from _flux.tables") == [("streaming",)]
    assert flux.query("select count(*) from _flux.positions where consumer = 'postgres'") == [(1,)]
    times = flux.query("select _commit_at from raw_app_history.t where _op <> 'snapshot' order by _lsn")
    clock = flux.query("select clock_at from _flux.clock order by _lsn")
    assert {row[0] for row in times} <= {row[0] for row in clock}
    with flux.destination.open() as destination:
        assert destination.machinery.read_tables()
        assert destination.clock.now() == max(row[0] for row in clock)
