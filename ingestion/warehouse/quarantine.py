"""Quarantine: what could not be loaded, with its reason, until it is loaded after all.

A row of `_flux.quarantine` is open until `resolved_at` is set; `resolution` then says how. Events keep their bytes (the
log's record), so that they can be tried again; of a table that was given up the log keeps the changes, and a new copy
resolves it. An entry's id is a hash of its place: the same wherever it is computed, and no value is in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ingestion.warehouse.session import Session

TABLE: Final = """
create table if not exists _flux.quarantine (
    consumer varchar, source varchar, position varchar, reason varchar, raw {binary}, noticed_at timestamptz,
    resolved_at timestamptz, resolution varchar
)
"""
_ID: Final = "substr(md5(consumer || chr(31) || source || chr(31) || position), 1, 12)"


@dataclass(frozen=True, slots=True)
class Group:
    """Open entries of one source that have one reason."""

    consumer: str
    source: str
    reason: str
    rows: int
    since: datetime
    example: str
    """The id of one of them."""
    newest: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `raw` holds an event's record, of tables nothing."""

    id: str
    consumer: str
    source: str
    position: str
    reason: str
    raw: bytes | None
    noticed_at: datetime
    resolved_at: datetime | None
    resolution: str | None


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Reads and writes `_flux.quarantine`, in the caller's transaction."""

    session: Session

    def ensure(self, binary: str) -> None:
        """Create it; give one of a former version what it lacks."""
        self.session.execute(TABLE.format(binary=binary))
        if "resolved_at" not in self.session.columns("_flux", "quarantine"):
            self.session.execute("alter table _flux.quarantine add column resolved_at timestamptz")
            self.session.execute("alter table _flux.quarantine add column resolution varchar")

    def note(self, consumer: str, source: str, position: str, reason: str) -> None:
        """Note what could not be loaded, and why. The reason holds no value."""
        self.session.execute(
            "insert into _flux.quarantine (consumer, source, position, reason, noticed_at) "
            "values ($1, $2, $3, $4, now())",
            [consumer, source, position, reason],
        )

    def newest_reasons(self, consumer: str) -> dict[str, str]:
        """Why something of a source lies in quarantine: the newest reason for each."""
        rows: list[Any] = self.session.execute(
            "select source, reason from _flux.quarantine where consumer = $1 order by noticed_at", [consumer]
        )
        return dict(rows)

    def rows(self) -> int:
        """How many entries are open."""
        return int(self.session.execute("select count(*) from _flux.quarantine where resolved_at is null")[0][0])

    def groups(self) -> list[Group]:
        """The open entries by source and reason, the oldest first."""
        return [
            Group(*row)
            for row in self.session.execute(
                f"select consumer, source, reason, count(*), min(noticed_at), min({_ID}), max(noticed_at) "
                "from _flux.quarantine "
                "where resolved_at is null group by consumer, source, reason order by 5, 1, 2, 3"
            )
        ]

    def find(self, id_: str) -> list[Entry]:
        """The entries whose id begins so, resolved ones too."""
        rows = self.session.execute(
            f"select {_ID}, consumer, source, position, reason, raw, noticed_at, resolved_at, resolution "
            f"from _flux.quarantine where substr({_ID}, 1, $1::integer) = $2 order by noticed_at",
            [len(id_), id_],
        )
        return [_entry(row) for row in rows]

    def waiting(self, consumer: str, source: str | None, after: str, most: int) -> list[Entry]:
        """Open entries with bytes, in the order of their ids from behind `after` on."""
        rows = self.session.execute(
            f"select {_ID} as id, consumer, source, position, reason, raw, noticed_at, resolved_at, resolution "
            "from _flux.quarantine where consumer = $1 and raw is not null and resolved_at is null "
            f"and ($2::varchar is null or source = $2::varchar) and {_ID} > $3 order by 1 limit {most}",
            [consumer, source, after],
        )
        return [_entry(row) for row in rows]

    def waiting_in(self, consumer: str, segments: Sequence[int]) -> list[Entry]:
        """Open entries of events that stand in the given segments of the log, without their bytes."""
        rows = self.session.execute(
            f"select {_ID}, consumer, source, position, reason, null, noticed_at, resolved_at, resolution "
            "from _flux.quarantine where consumer = $1 and resolved_at is null "
            "and split_part(position, '/', 1) = any($2)",
            [consumer, [str(segment) for segment in segments]],
        )
        return [_entry(row) for row in rows]

    def resolve(self, consumer: str, source: str, resolution: str, positions: Iterable[str] | None = None) -> None:
        """Close entries of a source, those of the given positions or all."""
        said = (
            "update _flux.quarantine set resolved_at = now(), resolution = $1 "
            "where consumer = $2 and source = $3 and resolved_at is null"
        )
        if positions is None:
            self.session.execute(said, [resolution, consumer, source])
        else:
            self.session.execute(f"{said} and position = any($4)", [resolution, consumer, source, list(positions)])

    def change_reason(self, consumer: str, source: str, position: str, reason: str) -> None:
        """Give an open entry the reason that it has now."""
        self.session.execute(
            "update _flux.quarantine set reason = $1 where consumer = $2 and source = $3 and position = $4 "
            "and resolved_at is null",
            [reason, consumer, source, position],
        )


def _entry(row: tuple[Any, ...]) -> Entry:  # Any: values as the driver makes them
    id_, consumer, source, position, reason, raw, noticed_at, resolved_at, resolution = row
    kept = None if raw is None else bytes(raw)
    return Entry(id_, consumer, source, position, reason, kept, noticed_at, resolved_at, resolution)
