"""A table that changes its shape between the snapshot and its copy: the snapshot does not hold for DDL."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingestion.postgres.snapshot import Snapshot
from tests.ingestion.pipeline import pipeline

CHANGES = [
    "alter table t alter n type bigint",
    "alter table t add column u uuid default gen_random_uuid()",
    "alter table t rename a to b",
    "begin; alter table t rename a to x; alter table t rename n to a; alter table t rename x to n; commit",
    "alter table t drop column a",
    "alter table t rename to other",
    "truncate t",
    "begin; truncate t; insert into t values (7, 7, 'seven'); commit",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_the_snapshot_has_the_table_copied_again(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    flux = pipeline(database, tmp_path)
    flux.execute(
        "create table t (id int primary key, n int, a text)",
        "insert into t select i, i, 'x' from generate_series(1, 9) i",
    )
    join, changes = Snapshot.join, [change]

    def join_then_change(self: Snapshot) -> psycopg.Connection[Any]:
        connection = join(self)
        if changes:
            flux.execute(changes.pop())
        return connection

    monkeypatch.setattr(Snapshot, "join", join_then_change)
    flux.replicate()
    flux.replicate()
    source = flux.at_source("select * from other" if "other" in change else "select * from t")
    ((relation,),) = flux.query("select relation from _flux.tables")
    assert sorted(flux.query(f"select * from {relation}")) == sorted(source)
