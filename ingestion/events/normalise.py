"""Turn records of the log into rows of Segment's warehouse tables. Pure: records in, Arrow tables out.

A bad event is refused alone, with its reason; its neighbours land. Within a batch the first of several events with
one messageId wins; what the warehouse holds already is the load's question. Every record ends up in exactly one of
three ways: refused, repeated, or as rows: `len(records) == len(refused) + len(repeated) + len(landed)`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

from ingestion.errors import CallRefusedError
from ingestion.events import contract
from ingestion.events.judge import PlanJudge
from ingestion.events.lenient_json import nesting
from ingestion.events.record import UNKNOWN_SOURCE, Record, UnreadableEventError, content_id, decode_record, event_bytes
from ingestion.events.rows import Landing, SourceRows
from ingestion.events.schema import Registry


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that no table can hold. `record` is its place in the batch."""

    record: int
    reason: str


@dataclass(frozen=True, slots=True)
class SourceTables:
    """The rows of one source. Each table has a column `_record`: the place of the row's event in the batch.

    `ids` has the columns `_record` and `id`: one row for each event that landed.
    """

    ids: pa.Table
    tables: Mapping[str, pa.Table]
    names: frozenset[Landing]
    """Where the names that were sent are found."""


@dataclass(frozen=True, slots=True)
class NormalisedEvents:
    """What became of a batch of records."""

    sources: tuple[str, ...]
    """The source of each record."""
    refused: tuple[Refused, ...]
    repeated: tuple[int, ...]
    """Places of records whose id came earlier in the same batch."""
    landed: Mapping[str, SourceTables]
    """Rows, by source."""


def normalise(
    records: Sequence[bytes | memoryview], registry: Registry, judges: Mapping[str, PlanJudge] = MappingProxyType({})
) -> NormalisedEvents:
    """Normalise a batch. `registry` says which columns the warehouse has: types only widen from there.

    `judges` hold the tracking plans, by source.
    """
    sources: list[str] = []
    refused: list[Refused] = []
    repeated: list[int] = []
    rows: dict[str, SourceRows] = {}
    for place, view in enumerate(records):
        line = bytes(view)
        try:
            record = decode_record(line)
            source = record.source
            sources.append(source)
            target = rows.get(source)
            if target is None:
                target = rows[source] = SourceRows()
            if not _take(target, place, record, line, judges.get(source)):
                repeated.append(place)
        except CallRefusedError as error:
            if len(sources) == place:
                sources.append(error.source if isinstance(error, UnreadableEventError) else UNKNOWN_SOURCE)
            refused.append(Refused(place, str(error)))
    landed = {
        source: SourceTables(target.ids(), target.tables(registry.get(source, {})), frozenset(target.names))
        for source, target in rows.items()
        if target.count
    }
    return NormalisedEvents(tuple(sources), tuple(refused), tuple(repeated), landed)


def _take(target: SourceRows, place: int, record: Record, line: bytes, judge: PlanJudge | None) -> bool:
    """Add the record's rows; False when its id was there already. Raises CallRefusedError, and then adds nothing."""
    admit(record, line)
    call = record.event
    subject = contract.check(call, record.type)
    message_id = contract.identity(call.message_id, "messageId")
    if message_id is None:
        message_id = content_id(line, archived=record.source_kind is not None)
    kept = None if judge is None else judge.enforce(call, subject)
    return target.add(place, record, subject, message_id, kept)


def admit(record: Record, line: bytes) -> None:
    """Raise CallRefusedError for a record that no table may hold, whatever its call is."""
    if record.refused is not None:
        raise CallRefusedError(record.refused)
    if line.count(b"[") + line.count(b"{") > contract.MAX_NESTING and nesting(line) > contract.MAX_NESTING:
        raise CallRefusedError(f"the event is nested more than {contract.MAX_NESTING} deep")
    if len(line) > contract.MAX_EVENT_BYTES and (size := event_bytes(line)) > contract.MAX_EVENT_BYTES:
        raise CallRefusedError(f"the event has {size} bytes, more than {contract.MAX_EVENT_BYTES}")
