"""The brute-force oracle: features of some rows, recomputed by a plain scan of the histories.

It shares nothing with the models but the raw histories and the declarations of where a feature comes from.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any  # Any: values of any column

import numpy as np

from training.connection import Connection
from training.gate.finding import Finding
from training.gate.history import Fact, Histories, Past, Row, Version, before_log, read_histories
from training.gate.origins import Entity, Group, Origin, Origins
from training.gate.parts import Parts
from training.gate.rules import RULES
from training.gate.text import listed, literals
from training.spec import DatasetSpec

TOLERANCE = 2e-6  # models round to six decimals
_SHOWN = 5  # rows that evidence names


@dataclass(frozen=True, slots=True)
class Computed:
    """A value, and the versions that it was made of."""

    value: Any
    versions: tuple[Version, ...]


class Scan:
    """Computes declared columns of one row of the spine from what its past tells."""

    def __init__(self, origins: Origins, past: Past, row: Row) -> None:
        self._origins, self._past, self._row = origins, past, row
        self._sets: dict[str, list[Any]] = {}  # versions or facts, each found once

    def compute(self, origin: Origin) -> Computed:
        """Apply the column's rule."""
        settings = dict(origin.settings)
        used: dict[int, Version] = {}
        for needed in settings.pop("needs", ()):
            if self._entity(self._origins.entities[needed], used) is None:
                return Computed(None, tuple(used.values()))
        operands = [self._operand(operand, used) for operand in origin.of]
        return Computed(RULES[origin.rule](self._row, *operands, **settings), tuple(used.values()))

    def happened(self, name: str, start: datetime, end: datetime) -> list[Version]:
        """Return what a set of facts tells of a time, both ends included, in the order in which it became known."""
        group = self._origins.sets[name]
        assert group.happened is not None
        facts = sorted(self._members(name), key=lambda fact: fact.known_at)
        return [fact.version for fact in facts if start <= fact.version.values[group.happened] <= end]

    def _operand(self, operand: str, used: dict[int, Version]) -> Any:
        name, dot, column = operand.partition(".")
        if dot:
            version = self._entity(self._origins.entities[name], used)
            return None if version is None else version.values[column]
        for one in self._members(name):
            version = one.version if isinstance(one, Fact) else one
            used[id(version)] = version
        return self._members(name)

    def _members(self, name: str) -> list[Any]:
        if name not in self._sets:
            group = self._origins.sets[name]
            found: list[Any] = self._versions(group) if group.happened is None else self._facts(group, group.happened)
            self._sets[name] = found
        return self._sets[name]

    def _entity(self, entity: Entity, used: dict[int, Version]) -> Version | None:
        key = self._operand(entity.key, used) if "." in entity.key else self._row[entity.key]
        if key is None or (entity.per > 1 and key % entity.per):
            return None
        key = key // entity.per if entity.per > 1 else key
        histories = self._past.histories
        if entity.own:
            version = histories.first(entity.table, (key,))
        else:
            version = (Past(histories, None, None) if entity.now else self._past).newest(entity.table, (key,))
        if version is None or (entity.soft and version.values["deleted_at"] is not None):
            return None
        used[id(version)] = version
        return version

    def _versions(self, group: Group) -> list[Version]:
        keys = self._past.histories.having(group.table, group.match[0], self._row[group.match[0]])
        found = (self._past.newest(group.table, key) for key in keys)
        return [it for it in found if it is not None and self._fits(group, it) and _selected(group, it)]

    def _facts(self, group: Group, happened: str) -> list[Fact]:
        """Return the facts of a set; `via` another table these are found by its rows."""
        histories, column = self._past.histories, group.match[0]
        owner = group.via or group.table
        keys = [
            key
            for key in histories.having(owner, column, self._row[column])
            if (first := histories.first(owner, key)) is not None and self._fits(group, first)
        ]
        if group.via is not None and group.by is not None:
            keys = [event for (key,) in keys for event in self._events(group, group.via, group.by, key)]
        found = (histories.fact(group.table, key, happened) for key in keys)
        return [it for it in found if it is not None and self._past.keeps(it) and _selected(group, it.version)]

    def _events(self, group: Group, owner: str, by: str, key: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the keys of what names a row of its own client."""
        histories = self._past.histories
        client = histories.versions[owner][(key,)][0].values["client_id"]
        for event in histories.having(group.table, by, key):
            if histories.versions[group.table][event][0].values["client_id"] == client:
                yield event

    def _fits(self, group: Group, version: Version) -> bool:
        return all(version.values[column] == self._row[column] for column in group.match)


def _selected(group: Group, version: Version) -> bool:
    if group.soft and version.values["deleted_at"] is not None:
        return False
    return all(version.values[column] in values for column, values in group.only.items())


def spine_rows(connection: Connection, origins: Origins, ids: Iterable[object]) -> dict[Any, Row]:
    """Read rows of the spine by id."""
    columns = listed(origins.id, origins.time, *origins.columns)
    query = f"select {columns} from {origins.spine} where {listed(origins.id)} in ({literals(ids)})"
    return {row[origins.id]: row for row in connection.arrow(query).to_pylist()}


def scan_before(origins: Origins, histories: Histories, row: Row) -> Scan:
    """Look at what was known strictly before the row's time, and strictly before its request was committed.

    The place is that of the request's own first commit, by its history and not by what the spine says; the commit may
    come long after the time at which the model scored. A request that a copy told has no place: nothing that changes
    is known before it.
    """
    entity = origins.entities[origins.request]
    request = histories.first(entity.table, (row[entity.key],))
    if request is None or request.op in ("snapshot", "resync"):
        asked_at = row[origins.time]
        return Scan(origins, Past(histories, before_log(asked_at), asked_at, asked_at - timedelta(microseconds=1)), row)
    heard_until = histories.heard_until.get(row[entity.key])
    return Scan(origins, Past(histories, request.place, row[origins.time], heard_until), row)


def scan_now(origins: Origins, histories: Histories, row: Row) -> Scan:
    """Look at what is known by now."""
    return Scan(origins, Past(histories, None, None), row)


def check_oracle(connection: Connection, spec: DatasetSpec, parts: Parts, origins: Origins, sample: int) -> Finding:
    """Recompute the declared features of `sample` seeded rows and compare them with what was written."""
    chosen = _chosen(parts.rows, sample, spec.seed)
    features = [origins.features[one.name] for one in spec.features if one.name in origins.features]
    columns = [spec.id, *(origin.column for origin in features)]
    written = parts.take(columns, np.asarray(chosen, dtype=np.int64)).to_pylist()
    spine = spine_rows(connection, origins, (row[spec.id] for row in written))
    histories = read_histories(connection, origins, spine.values())
    wrong: dict[str, list[Any]] = {}
    for row in written:
        known = spine.get(row[spec.id])
        if known is None:
            wrong.setdefault("(not in the spine)", []).append(row[spec.id])
            continue
        scan = scan_before(origins, histories, known)
        for origin in features:
            if not equal(scan.compute(origin).value, row[origin.column]):
                wrong.setdefault(origin.column, []).append(row[spec.id])
    evidence: dict[str, Any] = {"rows": len(written), "features": len(features)}
    if wrong:
        evidence["differing"] = {column: {"rows": len(ids), "ids": ids[:_SHOWN]} for column, ids in wrong.items()}
    return Finding("oracle", not wrong, evidence)


def equal(one: Any, other: Any) -> bool:
    """Compare a recomputed value with a written one: numbers to the models' rounding, all else exactly."""
    if one is None or other is None or isinstance(one, bool) or isinstance(other, bool):
        return one is other or (one is not None and other is not None and bool(one == other))
    if isinstance(one, int | float | Decimal) and isinstance(other, int | float | Decimal):
        return math.isclose(float(one), float(other), rel_tol=1e-6, abs_tol=TOLERANCE)
    if isinstance(one, date | datetime):
        return bool(one == other)
    return str(one) == str(other)


def _chosen(rows: int, sample: int, seed: int) -> Sequence[int]:
    if rows <= sample:
        return range(rows)
    return sorted(int(place) for place in np.random.default_rng(seed).choice(rows, sample, replace=False))


def check_origins(spec: DatasetSpec, origins: Origins) -> Finding:
    """Each feature of the specification says where it comes from; else the oracle would pass it unseen."""
    missing = [one.name for one in spec.features if one.name not in origins.features]
    evidence: Mapping[str, Any] = {"features": len(spec.features), **({"undeclared": missing} if missing else {})}
    return Finding("origins", not missing, evidence)
