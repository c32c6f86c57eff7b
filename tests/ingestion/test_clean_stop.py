"""A capture that ends leaves nothing for its slot to send again: what pg_upgrade asks of a slot that is to be kept."""

from pathlib import Path

import pytest

from ingestion.log import LogPosition, LogReader
from ingestion.postgres import resent
from ingestion.postgres.pgoutput.records import Session
from ingestion.postgres.walsender import Walsender
from tests.ingestion.pipeline import Pipeline, pipeline


@pytest.fixture
def flux(database: str, tmp_path: Path) -> Pipeline:
    flux = pipeline(database, tmp_path)
    flux.execute(
        "create table t (id int primary key, n int) with (autovacuum_enabled = off)", "insert into t values (1, 1)"
    )
    flux.replicate()
    return flux


def short_of_captured(flux: Pipeline) -> int:
    captured = LogReader(flux.home / "log" / "postgres").last_mark()
    slot = f"from pg_replication_slots where slot_name = '{flux.source.slot}'"
    return int(flux.at_source(f"select {captured} - (confirmed_flush_lsn - '0/0') {slot}")[0][0])


def left_to_send(flux: Pipeline) -> int:
    options = "'proto_version', '1', 'publication_names', 'flux', 'messages', 'true'"
    peeked = f"pg_logical_slot_peek_binary_changes('{flux.source.slot}', null, null, {options})"
    return int(flux.at_source(f"select count(*) from {peeked}")[0][0])


def test_a_run_up_to_now_leaves_nothing_to_send(flux: Pipeline) -> None:
    for change in (
        "insert into t values (2, 2)",
        "alter table t add column x int",
        "select 1",
        "create table u (id int primary key)",
        "alter table t alter column x type bigint using x + 1",
    ):
        flux.execute(change)
        flux.capture()
        assert (short_of_captured(flux), left_to_send(flux)) == (0, 0), change


def test_a_segment_that_retention_removes_while_the_log_is_held_against_the_source_ends_no_run(
    flux: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was removed cannot be told from a source that was put back: all is copied, and ends equal."""
    begin = resent._begin
    removed: list[int] = []

    def remove_then(reader: LogReader, session: Session, since: int) -> LogPosition | None:
        found = begin(reader, session, since)
        if not removed and found is not None:
            removed.extend(reader.segments()[:-1])
            for number in removed:
                (reader.directory / f"{number:016d}.seg").unlink()
        return found

    with monkeypatch.context() as unheard:
        unheard.setattr(Walsender, "confirm", lambda self, lsn: None)
        for n in range(2):  # each begins a segment, and acknowledges nothing
            flux.execute(f"update t set n = {n + 10}")
            flux.replicate()
    monkeypatch.setattr(resent, "_begin", remove_then)
    flux.execute("insert into t values (3, 3)")
    flux.replicate()
    assert removed
    assert flux.query("select id, n from raw_app.t order by id") == [(1, 11), (3, 3)]
