"""The raw tables as Python rows, and what several oracles count by: zones, weeks, versions, the cut."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any  # Any: rows of any table
from zoneinfo import ZoneInfo

import duckdb

RAW = ("raw_app.", "raw_app_history.", "raw_segment.", "_flux.", "restricted.member_demographics")
Row = dict[str, Any]
Rows = Iterable[tuple[object, ...]]


class Source:
    """The raw tables of one warehouse, read once each."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._tables: dict[str, list[Row]] = {}
        self._made: dict[Any, Any] = {}

    def rows(self, relation: str) -> list[Row]:
        """All rows of a raw table; of raw_app when no schema is named."""
        name = relation if "." in relation else f"raw_app.{relation}"
        if not name.startswith(RAW):
            raise ValueError(f"{name!r} is no raw table; an oracle that read models would repeat their mistakes")
        if name not in self._tables:
            found = self._connection.execute(f"select * from {name}")
            names = [column[0] for column in found.description or ()]
            self._tables[name] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return self._tables[name]

    def by_id(self, relation: str) -> dict[Any, Row]:
        return {row["id"]: row for row in self.rows(relation)}

    def once(self, function: Callable[[Source], Any]) -> Any:
        """What the function makes of this source, made once."""
        if function not in self._made:
            self._made[function] = function(self)
        return self._made[function]

    @cached_property
    def cut(self) -> datetime:
        cut: datetime = max(self.rows("_flux.cuts"), key=lambda row: row["cut_id"])["clock_at"]
        return cut

    @cached_property
    def zones(self) -> dict[int, ZoneInfo]:
        found = self._connection.execute("select id, settings ->> 'timezone' from raw_app.clients").fetchall()
        return {client: ZoneInfo(name or "UTC") for client, name in found}

    @cached_property
    def licensed_seats(self) -> dict[int, int | None]:
        query = "select id, cast(settings ->> 'licensed_seats' as bigint) from raw_app.clients"
        return dict(self._connection.execute(query).fetchall())

    def relations(self, *schemas: str) -> list[str]:
        query = "select table_schema || '.' || table_name from information_schema.tables where table_schema in ?"
        return [name for (name,) in self._connection.execute(query, [list(schemas)]).fetchall()]

    def day(self, client: int, moment: datetime) -> date:
        return moment.astimezone(self.zones[client]).date()

    def week(self, client: int, moment: datetime) -> date:
        return monday(self.day(client, moment))

    def midnight(self, client: int, day: date) -> datetime:
        return datetime.combine(day, time(), self.zones[client]).astimezone(UTC)

    @cached_property
    def weeks(self) -> list[Row]:
        """One row per client and week, from the first thing that can be counted to the cut."""
        found = []
        for client in self.rows("clients"):
            key = client["id"]
            moments = [row["applied_at"] for row in self.rows("applications") if row["client_id"] == key]
            moments += [row["requested_at"] for row in self.rows("recommendation_requests") if row["client_id"] == key]
            start = self.week(key, min(moments))
            while start <= self.week(key, self.cut):
                ends_at = self.midnight(key, start + timedelta(7))
                found.append(
                    {
                        "client_id": key,
                        "slug": client["slug"],
                        "name": client["name"],
                        "week": start,
                        "starts_at": self.midnight(key, start),
                        "ends_at": ends_at,
                        "complete": ends_at <= self.cut,
                        "as_of_at": min(ends_at, self.cut),
                        "as_of_on": min(start + timedelta(6), self.day(key, self.cut)),
                    }
                )
                start += timedelta(7)
        return found

    @cached_property
    def week_of(self) -> dict[tuple[int, date], Row]:
        return {(row["client_id"], row["week"]): row for row in self.weeks}

    def versions(self, table: str, *key: str) -> list[Row]:
        """Each change of a table with `from`, `to`, `position`, `next_position`, half-open."""
        chains: dict[Any, list[Row]] = defaultdict(list)
        for row in sorted(self.rows(f"raw_app_history.{table}"), key=lambda r: (r["_epoch"], r["_lsn"], r["_seq"])):
            chains[tuple(row[name] for name in key or ("id",))].append(row)
        found = []
        for chain in chains.values():
            for row, following in zip(chain, [*chain[1:], None], strict=True):
                place = (row["_epoch"], row["_lsn"])
                after = (following["_epoch"], following["_lsn"]) if following else None
                known = {"from": row["_commit_at"], "to": following and following["_commit_at"]}
                gone = row["_op"] in ("delete", "truncate") or row.get("deleted_at") is not None
                erased = row["_op"] in ("delete", "truncate")
                found.append({**row, **known, "position": place, "next": after, "gone": gone, "erased": erased})
        return found

    def living_versions(self, table: str) -> list[Row]:
        """Versions that existed for some time; what the first copy found was so since it was made, to its deletion."""
        found = []
        for row in self.versions(table):
            censored, deleted = row["_op"] == "snapshot", row.get("deleted_at")
            if row["erased"]:
                continue
            since = min(row["created_at"], row["from"]) if censored else row["from"]
            until = min((moment for moment in (row["to"], deleted) if moment is not None), default=None)
            if until is None or until > since:
                found.append({**row, "from": since, "to": until, "censored": censored})
        return found


def known_before(version: Row, position: tuple[int, int]) -> bool:
    """Whether the version was the newest one committed strictly before a position."""
    following = version["next"]
    return version["position"] < position and (following is None or following >= position)


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def valid(row: Row, moment: datetime) -> bool:
    return row["from"] <= moment and (row["to"] is None or moment < row["to"])


def ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def percentile(values: Sequence[float], fraction: float) -> float:
    """Linear between neighbours."""
    ordered = sorted(values)
    place = fraction * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@dataclass(frozen=True)
class Oracle:
    """Rows that a relation must have, in the order of `columns`."""

    relation: str
    columns: tuple[str, ...]
    expected: Callable[[Source], Rows]

    def differences(self, connection: duckdb.DuckDBPyConnection, source: Source) -> tuple[int, int]:
        """Rows that the relation lacks, and rows that it has too many."""
        wanted: Counter[tuple[object, ...]] = source.once(self._counted)
        found = Counter(
            map(plain, connection.execute(f"select {', '.join(self.columns)} from {self.relation}").fetchall())
        )
        return sum((wanted - found).values()), sum((found - wanted).values())

    def _counted(self, source: Source) -> Counter[tuple[object, ...]]:
        return Counter(map(plain, self.expected(source)))

    def __hash__(self) -> int:
        return hash(self.relation)


def plain(row: Sequence[object]) -> tuple[object, ...]:
    return tuple(_plain(value) for value in row)


def _plain(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, int | float) or type(value).__name__ == "Decimal":
        return round(float(value), 6)  # type: ignore[arg-type]  # Decimal
    return tuple(value) if isinstance(value, list) else value


def oracle(relation: str, columns: str) -> Callable[[Callable[[Source], Rows]], Oracle]:
    """Make an oracle of a function that yields rows of these columns."""
    return lambda expected: Oracle(relation, tuple(columns.split()), expected)
