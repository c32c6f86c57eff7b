"""Try again what lies in quarantine, with the code and the tracking plan of now.

An event is normalised again from the bytes that were kept, and lands exactly once: its row, its id and the entry that
says so commit together. The ledger moves it from quarantined to loaded (or to duplicates, when the same id has landed
meanwhile). One that is refused again stays, with the reason that it has now. A table is copied anew; its entries are
resolved when that copy is loaded.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ingestion.errors import LoadError
from ingestion.events.record import KIND_EVENTS
from ingestion.events.tracking_plan import TrackingPlan
from ingestion.failpoints import reach
from ingestion.load.events import EventBatch, load_events
from ingestion.log import Block, LogPosition, LogReader
from ingestion.log.segment import PADDING
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.events import CONSUMER, LedgerRow
from ingestion.warehouse.quarantine import Entry

_BATCH: int = 5_000


@dataclass(frozen=True, slots=True)
class Requeued:
    """What became of the events that were tried again."""

    loaded: int = 0
    duplicates: int = 0
    refused: int = 0


def requeue_events(
    destination: Destination, plan: TrackingPlan | None, reader: LogReader, *, source: str | None = None
) -> Requeued:
    """Try all quarantined events (`source`: of one source) again, some thousands in a transaction.

    The plan is applied first, as each load does; `reader` is the log of events, of which a batch may be loaded thereby.
    """
    load_events(destination, reader, plan)
    after, total = "", Requeued()
    while entries := destination.machinery.quarantine.waiting(CONSUMER, source, after, _BATCH):
        with destination.transaction():
            done = _try(destination, entries, plan)
            reach("requeue.before_commit")
        after = entries[-1].id
        total = Requeued(total.loaded + done.loaded, total.duplicates + done.duplicates, total.refused + done.refused)
    return total


def _try(destination: Destination, entries: list[Entry], plan: TrackingPlan | None) -> Requeued:
    batch = EventBatch(destination.events, [_block(entry) for entry in entries], plan)
    batch.land()
    quarantine, ledger = destination.machinery.quarantine, Counter[tuple[str, int, str]]()
    for place, entry in enumerate(entries):
        if place in batch.refused:
            reason = batch.refused[place]
            if reason != entry.reason:
                quarantine.change_reason(CONSUMER, entry.source, entry.position, reason)
            continue
        became = "duplicates" if place in batch.duplicates else "loaded"
        quarantine.resolve(CONSUMER, entry.source, became, [entry.position])
        ledger[entry.source, _segment(entry), became] += 1
    keys = sorted({(source, segment) for source, segment, _ in ledger})
    rows = []
    for source, segment in keys:
        loaded, duplicates = ledger[source, segment, "loaded"], ledger[source, segment, "duplicates"]
        rows.append(LedgerRow(source, segment, 0, 0, 0, loaded, duplicates, -loaded - duplicates))
    destination.events.write_ledger(rows)
    return Requeued(sum(row.loaded for row in rows), sum(row.duplicates for row in rows), len(batch.refused))


def _block(entry: Entry) -> Block:
    """The entry as a block of the log that holds it alone."""
    raw = entry.raw or b""
    at = LogPosition(_segment(entry), 0)
    return Block(at, at, KIND_EVENTS, 0, np.array([len(raw)], dtype=np.int64), bytearray(raw + bytes(PADDING)))


def _segment(entry: Entry) -> int:
    number = entry.position.partition("/")[0]
    if not number.isdigit():
        raise LoadError(f"quarantine entry {entry.id!r} has no place in the log: {entry.position!r}")
    return int(number)
