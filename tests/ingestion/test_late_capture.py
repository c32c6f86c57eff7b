"""A capture that comes late, or piece by piece, to what happened at the source reads it as it was."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingestion.postgres.source import connect
from ingestion.postgres.walsender import Received, Walsender
from ingestion.postgres.watch import Watch
from tests.ingestion.following import loading
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.test_drift import differs


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    flux = pipeline(database, tmp_path)
    flux.execute("create table t (id int primary key)", "insert into t values (1)")
    flux.replicate()
    return flux


# How a key was when the rows changed, what became of them, and what the key is when the capture comes to them.
KEYS_OF_THEN = (
    ("", "delete from {0} where id = 1; update {0} set id = 70 where id = 2", "add primary key (n)"),
    ("", "update {0} set n = n + 60 where id < 5; delete from {0} where id = 1", "replica identity full"),
    (
        "alter table {0} replica identity full",
        "insert into {0} values (70, 70), (71, 70); update {0} set n = 71 where id = 71",
        "add primary key (n)",
    ),
    (
        "alter table {0} drop constraint {0}_pkey, replica identity full",
        "insert into {0} values (70, 70), (70, 70); delete from {0} where ctid = (select max(ctid) from {0})",
        "add primary key (id)",
    ),
    (
        "create unique index {0}_n on {0} (n); alter table {0} replica identity using index {0}_n",
        "delete from {0} where id = 1; update {0} set n = 71 where id = 2",
        "replica identity default",
    ),
)


def test_rows_are_told_apart_by_the_key_that_they_had_when_they_changed(flux: Pipeline) -> None:
    names = [f"t{number}" for number in range(len(KEYS_OF_THEN))]
    for name, (before, _, _) in zip(names, KEYS_OF_THEN, strict=True):
        flux.execute(
            f"create table {name} (id int primary key, n int not null, long text)",
            f"alter table {name} alter long set storage external",
            f"insert into {name} select i, i, repeat(i::text, 3000) from generate_series(1, 9) i",
            *filter(None, before.format(name).split("; ")),
        )
    flux.replicate()
    for name, (_, changes, after) in zip(names, KEYS_OF_THEN, strict=True):
        flux.execute(*changes.format(name).split("; "))
        if "add primary key (n)" in after:
            flux.execute(f"alter table {name} drop constraint {name}_pkey")
        flux.execute(f"alter table {name} {after}")
    for _ in range(2):
        flux.replicate()
        assert [name for name in names if differs(flux, name)] == []
        flux.execute(*(f"update {name} set id = id + 100 where id < 8" for name in names))
    flux.replicate()
    assert [name for name in names if differs(flux, name)] == []


class Sluice:
    """Holds back what the source sends, and lets whole transactions through one by one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.closed, self.let_through = False, 0
        self._waiting: list[memoryview] = []
        self._wal_end = 0
        read = Walsender.read
        monkeypatch.setattr(Walsender, "read", lambda walsender, *limits: self._pass(read(walsender, *limits)))

    @property
    def transactions(self) -> int:
        """How many whole ones wait."""
        return self._tags().count(b"C")

    def _tags(self) -> bytes:
        return b"".join(message[25:26] for message in self._waiting)

    def _pass(self, received: Received) -> Received:
        self._waiting += received.messages
        end = len(self._waiting)
        if self.closed:
            end = self._tags().index(b"C") + 1 if self.let_through else 0
            self.let_through = 0
        else:
            self._wal_end = received.wal_end
        passed, self._waiting = self._waiting[:end], self._waiting[end:]
        return Received(passed, self._wal_end)


def test_a_transaction_that_commits_right_where_a_shape_was_told_is_not_lost(
    flux: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    flux.execute("create table other (id int primary key)")
    flux.replicate()
    catalog = flux.home / "log" / "catalog.json"
    looks: list[bool] = []
    look = Watch.look

    def noted(seen: Watch, connection: psycopg.Connection[Any]) -> bool:
        looks.append(look(seen, connection))
        return looks[-1]

    monkeypatch.setattr(Watch, "look", noted)
    sluice = Sluice(monkeypatch)
    with loading(flux) as until:
        until(lambda: looks[-2:] == [False, False])
        sluice.closed = True
        flux.execute("alter table t add c int")
        until(lambda: looks[-1])
        with connect(flux.source) as one, connect(flux.source) as two:
            one.execute("begin; insert into other values (1)")
            two.execute("begin; insert into other values (2)")
            one.execute("commit")  # the next record is the other's commit
            two.execute("commit")
        until(lambda: sluice.transactions == 2)
        seen, sluice.let_through = catalog.stat().st_mtime_ns, 1
        until(lambda: flux.query("from raw_app.other") == [(1,)])
        for _ in range(20):  # reads of the capture, which judges what it saw if it may
            flux.load()
        sluice.closed = False
        until(lambda: catalog.stat().st_mtime_ns != seen)
        until(lambda: sorted(flux.query("from raw_app.other")) == [(1,), (2,)])
        until(lambda: not differs(flux))
