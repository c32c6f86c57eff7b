"""Calls of pit_join for every warehouse, over a few rows that are all exceptions, and what they give.

A query names one number: the sum over the rows of their number times the level found (99 when none is known). The
versions are written into the query, so that it is read, and run, on every warehouse.
"""

from __future__ import annotations

# key, place, place of the next one, level; None as level: the row is gone
VERSIONS = (
    *((1, 10, 20, 3), (1, 20, 30, 4), (1, 30, None, 5)),
    *((2, 10, 10, 1), (2, 10, 10, 2), (2, 10, 40, 3), (2, 40, None, 4)),  # three changes in one transaction
    *((3, 10, 20, 6), (3, 20, 30, None), (3, 30, None, 7)),  # deleted, and made again
    *((4, 10, 20, 6), (4, 20, 20, None), (4, 20, None, 8)),  # deleted and made again in one transaction
    *((5, 10, 20, 9), (5, 20, None, None)),
)
# number, key, place; 6 has no history, None is no key
ROWS = (
    *((1, 1, 10), (2, 1, 11), (3, 1, 20), (4, 1, 21), (5, 1, 99), (6, 2, 10), (7, 2, 11), (8, 2, 40), (9, 2, 41)),
    *((10, 3, 20), (11, 3, 21), (12, 3, 30), (13, 3, 31), (14, 4, 20), (15, 4, 21), (16, 5, 20), (17, 5, 99)),
    *((18, 6, 99), (19, None, 99), (20, 1, 99)),
)


def level_before(key: int | None, place: int) -> int | None:
    """The level of the newest version strictly before a place, by a look at all of them in order."""
    known = [level for other, since, _, level in VERSIONS if other == key and since < place]
    return known[-1] if known else None


def _relation(columns: dict[str, str], rows: tuple[tuple[object, ...], ...]) -> str:
    """The rows as one query; the macros of the cases give each value its type."""
    queries = []
    for row in rows:
        values = zip(row, columns.items(), strict=True)
        named = [f"{{{{ {kind}({'' if value is None else value}) }}}} as {name}" for value, (name, kind) in values]
        queries.append(f"select {', '.join(named)}")
    return " union all ".join(queries)


_VERSIONS = _relation(
    {"key_id": "i", "_position": "i", "_next_position": "i", "level_known": "i", "gone": "i"},
    tuple((*version, int(version[-1] is None)) for version in VERSIONS),
)
_ROWS = _relation({"row_id": "i", "key_id": "i", "_position": "i"}, ROWS)
_QUERY = (
    f"with places as ({_ROWS}), told as ({_VERSIONS}), versions as (select told.*, gone = 1 as is_gone from told), "
    "joined as ({{ pit_join('places', 'versions', ['key_id'], ['level_known'], ['row_id'], is_deleted='is_gone', "
    "strategy=%s) }}) "
    "select sum(row_id * coalesce(level_known, 99)) * 1000 + count(*) as found from joined"
)
_FOUND = 1000 * sum(n * (99 if (level := level_before(key, at)) is None else level) for n, key, at in ROWS) + len(ROWS)

PIT_JOINS: dict[str, list[tuple[str, object]]] = {
    "pit_join": [(_QUERY % name, _FOUND) for name in ("none", "'asof'", "'range'", "'lateral'", "'line'")],
    "impression_of": [
        ("impression_of(i(4711 * 64 + 5))", 4711),
        ("impression_of(i(-61))", -1),
        ("impression_of(i())", None),
    ],
    "not_materialized": [
        (
            f"with places as ({_ROWS}), twice as {{{{ not_materialized() }}}} (select row_id from places), "
            "doubled as (select * from twice union all select * from twice) select sum(row_id) as found from doubled",
            2 * sum(number for number, _, _ in ROWS),
        )
    ],
    "place_before_log": [
        ("place_before_log(m('1970-01-01 00:00:00+00'))", -(10**18)),
        ("place_before_log(m('2026-11-01 08:30:00.000001+00'))", 1_793_521_800_000_001 - 10**18),
        ("place_before_log(m())", None),
    ],
}
