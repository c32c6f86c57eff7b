"""Try again what lies in quarantine, with the code and the tracking plan of now.

An event is normalised again from the bytes that were kept, and lands exactly once: its row, its id and the entry that
says so commit together. The ledger moves it from quarantined to loaded (or to duplicates, when the same id has landed
meanwhile). One that is refused again stays, with the reason that it has now. A table is copied anew; its entries are
resolved when that copy is loaded.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingestion.errors import LoadError
from ingestion.events.tracking_plan import TrackingPlan
from ingestion.failpoints import reach
from ingestion.load.event_batch import EventBatch
from ingestion.load.events import load_events
from ingestion.log import LogReader
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

    def __add__(self, other: "Requeued") -> "Requeued":
        return Requeued(self.loaded + other.loaded, self.duplicates + other.duplicates, self.refused + other.refused)


def requeue_events(
    destination: Destination,
    plan: TrackingPlan | None,
    reader: LogReader,
    *,
    source: str | None = None,
    ids: Sequence[str] = (),
) -> Requeued:
    """Try quarantined events (`source`: of one source, `ids`: only these) again, some thousands in a transaction.

    The plan is applied first, as each load does; `reader` is the log of events, of which a batch may be loaded thereby.
    """
    load_events(destination, reader, plan)
    after, total = "", Requeued()
    while entries := destination.machinery.quarantine.waiting(CONSUMER, source, after, _BATCH):
        after = entries[-1].id
        chosen = [entry for entry in entries if not ids or entry.id in ids]
        if not chosen:
            continue
        with destination.transaction():
            batch = EventBatch.of_records(destination.events, plan, [entry.raw or b"" for entry in chosen])
            batch.land()
            total += settle(destination, batch, dict(enumerate(chosen)))
            reach("requeue.before_commit")
    return total


def settle(destination: Destination, batch: EventBatch, entries: Mapping[int, Entry]) -> Requeued:
    """Enter what became of quarantined events that a batch landed or refused. `entries` go by place in the batch."""
    quarantine, ledger = destination.machinery.quarantine, Counter[tuple[str, int, str]]()
    done: dict[tuple[str, str], list[str]] = {}
    refused = 0
    for place, entry in entries.items():
        if place in batch.refused:
            refused += 1
            if batch.refused[place] != entry.reason:
                quarantine.change_reason(CONSUMER, entry.source, entry.position, batch.refused[place])
            continue
        became = "duplicates" if place in batch.duplicates else "loaded"
        done.setdefault((entry.source, became), []).append(entry.position)
        ledger[entry.source, segment_of(entry.position), became] += 1
    for (source, became), positions in done.items():
        quarantine.resolve(CONSUMER, source, became, positions)
    rows = []
    for source, segment in sorted({(source, segment) for source, segment, _ in ledger}):
        loaded, duplicates = ledger[source, segment, "loaded"], ledger[source, segment, "duplicates"]
        rows.append(LedgerRow(source, segment, 0, 0, 0, loaded, duplicates, -loaded - duplicates))
    destination.events.write_ledger(rows)
    return Requeued(sum(row.loaded for row in rows), sum(row.duplicates for row in rows), refused)


def segment_of(position: str) -> int:
    """Return the segment of an event's place in the log, `segment/offset#number`. Raises LoadError."""
    number = position.partition("/")[0]
    if not number.isdigit():
        raise LoadError(f"a quarantined event has no place in the log: {position!r}")
    return int(number)
