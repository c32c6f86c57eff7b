"""A large transaction is loaded while the log still gets it: all of it in the end, or nothing."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ingestion.load import arriving, batch
from ingestion.load.loader import ChangeLoader
from ingestion.log import Block, LogReader, LogWriter
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.messages import COMMIT, HEADER
from ingestion.postgres.pgoutput.records import RELATION, SESSION, WAL, Session
from ingestion.warehouse.duckdb.connection import connect
from ingestion.warehouse.duckdb.destination import DuckdbDestination
from tests.ingestion.pipeline import pipeline
from tests.ingestion.test_large_transactions import EVERYTHING, everything

LARGE = 40_000  # bytes; the transaction has some 400,000


@dataclass
class Slow:
    """A log that grows as the test says: `before` and `rest` are the blocks around a cut inside the transaction."""

    home: Path
    session: Session
    before: list[Block]
    rest: list[Block]
    shapes: dict[int, bytes] = field(default_factory=dict)

    def write(self, blocks: list[Block]) -> None:
        """Write blocks as the capture does: each segment opens with the session and the shapes of before."""

        def preamble() -> list[tuple[int, list[bytes], int]]:
            return [
                (SESSION, [self.session.to_bytes()], self.session.start_lsn),
                (RELATION, [*self.shapes.values()], 0),
            ]

        with LogWriter.open(self.home / "log" / "postgres", preamble=preamble, segment_bytes=100_000) as writer:
            for block in blocks:
                records = [bytes(record) for record in block]
                writer.append(block.kind, records, block.mark)
                writer.commit()
                if block.kind == RELATION:
                    self.shapes.update({Relation.from_bytes(record).oid: record for record in records})

    def everything(self) -> list[list[tuple[object, ...]]]:
        return everything(self.home / "warehouse.duckdb")


@pytest.fixture
def slow(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slow:
    monkeypatch.setattr(batch, "ARRIVING_BYTES", LARGE)
    monkeypatch.setattr(arriving, "_PART_BYTES", LARGE)
    flux = pipeline(database, tmp_path / "whole")
    flux.execute(
        "create table t (id int primary key, n int, long text)",
        "alter table t alter long set storage external",
        "create table bag (a int, b text)",
        "alter table bag replica identity full",
        "create table tick (at timestamptz)",
        "insert into t values (-1, 0, 'before')",
    )
    flux.replicate()
    flux.execute("insert into t values (0, 0, 'small, before')", "; ".join(["begin", *EVERYTHING, "commit"]))
    flux.execute("insert into t values (9000, 0, 'small, after')")
    flux.capture()
    reader = LogReader(tmp_path / "whole" / "log" / "postgres")
    blocks = [part for block in reader.blocks() for part in pieces(block)]
    sizes = [sum(part.lengths) if part.kind == WAL else 0 for part in blocks]
    cut = next(n for n in range(len(blocks)) if sum(sizes[:n]) > 2 * LARGE)
    session = Session.from_bytes(next(iter([block for block in blocks if block.kind == SESSION][-1])))
    shutil.copytree(tmp_path / "whole" / "log" / "copies", tmp_path / "slow" / "log" / "copies")
    made = Slow(tmp_path / "slow", session, blocks[:cut], blocks[cut:])
    made.write(made.before)
    flux.load()
    return made


def pieces(block: Block) -> list[Block]:
    """The block's records in blocks of 20: a capture on a slow line."""
    if block.kind != WAL:
        return [block]
    found = []
    for low in range(0, len(block.lengths), 20):
        lengths = block.lengths[low : low + 20]
        begin = int(block.lengths[:low].sum())
        buffer = bytearray(block.payload[begin : begin + int(lengths.sum())]) + bytearray(32)
        part = replace(block, lengths=lengths, buffer=buffer, mark=0)
        commits = [bytes(record) for record in part if record[HEADER] == COMMIT]
        found.append(replace(part, mark=max((int.from_bytes(raw[35:43]) for raw in commits), default=0)))
    return found


class Loading:
    """A loader in a thread: it takes steps until nothing is left to load. `waits` is set when it awaits the log."""

    def __init__(self, slow: Slow, leave: Callable[[], bool] = lambda: False) -> None:
        self.waits, self._leave = threading.Event(), leave
        self._slow = slow
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Loading":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _run(self) -> None:
        warehouse = connect(self._slow.home / "warehouse.duckdb")
        try:
            loader = ChangeLoader(DuckdbDestination(warehouse), self._slow.home / "log")
            while loader.step(self._awaits):
                pass
        finally:
            warehouse.close()

    def _awaits(self) -> bool:
        self.waits.set()
        return self._leave()


def test_a_transaction_is_loaded_while_it_comes(slow: Slow, tmp_path: Path) -> None:
    with Loading(slow) as loading:
        assert loading.waits.wait(20), "the loader was to begin before the Commit"
        for block in slow.rest:
            slow.write([block])
    with Loading(slow):
        pass
    assert slow.everything() == everything(tmp_path / "whole" / "warehouse.duckdb")


def test_a_transaction_that_comes_anew_is_loaded_once(slow: Slow, tmp_path: Path) -> None:
    begins = next(n for n in range(len(slow.before)) if slow.before[n].kind == WAL)
    with Loading(slow) as loading:
        assert loading.waits.wait(20)
        slow.session = replace(slow.session, connection=slow.session.connection + 1)
        slow.write([*slow.before[begins:], *slow.rest])  # a writer that starts opens a segment with the session
    with Loading(slow):
        pass
    assert slow.everything() == everything(tmp_path / "whole" / "warehouse.duckdb")


@pytest.mark.parametrize("why", ["needed", "silent"])
def test_a_transaction_that_is_left_is_loaded_when_it_is_there(
    slow: Slow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(arriving, "PATIENCE_SECONDS", 60 if why == "needed" else 0)
    with Loading(slow, lambda: why == "needed"):
        pass
    assert (9000, 0, "small, after", None) not in slow.everything()[0]
    assert not any(op == "update" for *_, op, _, _, _, _ in slow.everything()[2]), "nothing of it may be in"
    slow.write(slow.rest)
    with Loading(slow, lambda: True):
        pass
    assert slow.everything() == everything(tmp_path / "whole" / "warehouse.duckdb")
