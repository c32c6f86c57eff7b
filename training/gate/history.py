"""The histories of chosen rows, scanned plainly: which versions were known at a place in the order of commits.

Independent of the models on purpose: no windows, no validity ends, no joins; versions in their order of commits, and
a loop that stops at the place. Only the versions of the keys that chosen rows lead to are read.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any  # Any: values of any table
from uuid import UUID

from training.connection import Connection
from training.gate.origins import Origins, Table
from training.gate.text import listed, literals
from training.sql import literal

Row = Mapping[str, Any]
Place = tuple[int, int]  # epoch and position of a commit; (0, microseconds) of what happened before the log began

MACHINERY = ("_op", "_epoch", "_lsn", "_seq", "_commit_at")
EVENT = "event"
_EVENT = '\'event\' as "_op", 0 as "_epoch", 0 as "_lsn", 0 as "_seq", {known} as "_commit_at"'
# Where a column of the source tells the time, arrival is on another clock than the data: an event is known when it was.
_TIME_TOLD = "select clock_at < commit_at as is_time_told from _flux.clock order by clock_at, commit_at limit 1"
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Version:
    """One change of one row as the history has it, or one event."""

    table: str
    key: tuple[Any, ...]
    values: Row
    op: str
    place: Place
    seq: int
    committed_at: datetime

    @property
    def is_gone(self) -> bool:
        """Whether it tells that the row is no more."""
        return self.op in ("delete", "truncate")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened once: its row as its first transaction left it, and when that was known."""

    version: Version
    place: Place
    known_at: datetime


@dataclass(slots=True)
class Histories:
    """Versions by table and key, each key's in the order of commits, and the keys that ever had a value."""

    versions: dict[str, dict[tuple[Any, ...], list[Version]]] = field(default_factory=dict)
    keys: dict[tuple[str, str, Any], set[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(set))
    heard_until: dict[Any, datetime] = field(default_factory=dict)  # by request: time of the last commit before it
    _facts: dict[tuple[str, tuple[Any, ...]], Fact | None] = field(default_factory=dict)

    def add(self, table: Table, rows: Iterable[Row]) -> None:
        """Take in rows of a history, in any order."""
        chains: dict[tuple[Any, ...], list[Version]] = defaultdict(list)
        for row in rows:
            key = tuple(_plain(row[name]) for name in table.key)
            place = (int(row["_epoch"]), int(row["_lsn"]))
            chains[key].append(Version(table.name, key, row, row["_op"], place, int(row["_seq"]), row["_commit_at"]))
            for column in table.find:
                self.keys[table.name, column, row[column]].add(key)
        for chain in chains.values():
            chain.sort(key=lambda version: (version.place, version.seq))
        self.versions[table.name] = dict(chains)

    def values(self, table: str, column: str) -> Iterator[Any]:
        """Yield every value that a column ever had."""
        for chain in self.versions[table].values():
            for version in chain:
                yield version.values[column]

    def having(self, table: str, column: str, value: object) -> list[tuple[Any, ...]]:
        """Return the keys of which a version ever had the value, in order."""
        return sorted(self.keys.get((table, column, value), ()))

    def first(self, table: str, key: tuple[Any, ...]) -> Version | None:
        """Return a row as its first transaction left it, however it was edited later."""
        chain = self.versions[table].get(key, [])
        for version, following in zip(chain, [*chain[1:], None], strict=True):
            is_last = following is None or following.place != version.place
            if is_last and not version.is_gone:
                return version
        return None

    def fact(self, table: str, key: tuple[Any, ...], happened: str) -> Fact | None:
        """Return what a row tells that is written once; what the first copy found was known when it happened."""
        if (table, key) not in self._facts:
            self._facts[table, key] = self._fact(table, key, happened)
        return self._facts[table, key]

    def _fact(self, table: str, key: tuple[Any, ...], happened: str) -> Fact | None:
        version = self.first(table, key)
        if version is None:
            return None
        if version.op != "snapshot":  # an event's commit is when it was known
            return Fact(version, version.place, version.committed_at)
        moment = version.values[happened]
        return Fact(version, before_log(moment), min(moment, version.committed_at))


@dataclass(frozen=True, slots=True)
class Past:
    """What was known strictly before a place and strictly before a time; None: all that is known by now.

    An event has no place of its own: it is known from the first commit on that is not earlier than its arrival.
    """

    histories: Histories
    before: Place | None
    before_at: datetime | None
    heard_until: datetime | None = None

    def newest(self, table: str, key: tuple[Any, ...]) -> Version | None:
        """Return the version that held, None when the row was not known or was no more."""
        held = None
        for version in self.histories.versions[table].get(key, []):
            if not self._keeps(version.place, version.committed_at):
                break
            held = version
        return None if held is None or held.is_gone else held

    def keeps(self, fact: Fact) -> bool:
        """Whether a fact was known."""
        if fact.version.op == EVENT and self.before is not None:
            return self.heard_until is not None and fact.known_at <= self.heard_until
        return self._keeps(fact.place, fact.known_at)

    def _keeps(self, place: Place, known_at: datetime) -> bool:
        if self.before is None or self.before_at is None:
            return True
        return place < self.before and known_at < self.before_at


def before_log(moment: datetime) -> Place:
    """Return the place of what happened before the log began: before all commits, in the order of its own time."""
    return (0, (moment - _ZERO) // timedelta(microseconds=1))


def read_histories(connection: Connection, origins: Origins, rows: Iterable[Row], *, labels: bool = False) -> Histories:
    """Read the histories that rows of the spine lead to: one query a table, whatever the number of rows.

    With `labels` those too that are told of labels alone.
    """
    histories, chosen = Histories(), list(rows)
    told = connection.arrow(_TIME_TOLD).to_pylist() if any(it.events for it in origins.tables.values()) else []
    known = "timestamp" if told and told[0]["is_time_told"] else "received_at"
    for table in (table for table in origins.tables.values() if labels or not table.labels):
        relation = f"{'raw_segment' if table.events else 'raw_app_history'}.{listed(table.name)}"
        conditions = []
        for column, references in table.find.items():
            values = literals(value for name in references for value in _values(histories, chosen, name))
            if table.events or column in table.key:
                conditions.append(f"{listed(column)} in ({values})")
            else:  # a deletion may tell the key alone
                found = f"select {listed(*table.key)} from {relation} where {listed(column)} in ({values})"
                conditions.append(f"({listed(*table.key)}) in ({found})")
        columns = listed(*dict.fromkeys((*table.key, *table.find, *table.columns)))
        machinery = _EVENT.format(known=listed(known)) if table.events else listed(*MACHINERY)
        query = f"select {columns}, {machinery} from {relation} where {' or '.join(conditions)}"
        histories.add(table, connection.arrow(query).to_pylist())
    if any(table.events for table in origins.tables.values()):
        _read_clock(connection, origins, histories, chosen)
    return histories


def _read_clock(connection: Connection, origins: Origins, histories: Histories, rows: list[Row]) -> None:
    """Note for each request when the last commit was that lies before it, by place and by time."""
    entity, asked = origins.entities[origins.request], []
    requests: list[Any] = []
    for row in rows:
        request = histories.first(entity.table, (row[entity.key],))
        if request is not None and row[entity.key] not in requests:
            epoch, lsn = request.place
            asked.append(f"({len(requests)}, {literal(row[origins.time])}, {epoch}, {lsn})")
            requests.append(row[entity.key])
    if not asked:
        return
    query = (
        f"select asked.number, max(clock.clock_at) as heard_until from (values {', '.join(asked)})"
        " as asked (number, moment, epoch, lsn) inner join _flux.clock as clock on clock.clock_at < asked.moment and"
        " (clock._epoch < asked.epoch or (clock._epoch = asked.epoch and clock._lsn < asked.lsn)) group by asked.number"
    )
    for found in connection.arrow(query).to_pylist():
        histories.heard_until[requests[found["number"]]] = found["heard_until"]


def _plain(part: Any) -> Any:
    """Return a key's part as both engines tell it: a UUID may come as text, as itself or as its bytes."""
    if isinstance(part, bytes):
        part = UUID(bytes=part)
    return str(part) if isinstance(part, UUID) else part


def _values(histories: Histories, rows: list[Row], reference: str) -> Iterator[Any]:
    table, dot, column = reference.partition(".")
    if dot:
        yield from histories.values(table, column)
    else:
        yield from (row[reference] for row in rows)
