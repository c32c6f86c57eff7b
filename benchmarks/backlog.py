"""Backlogs: changes that wait in the source's WAL for every reader alike.

Each kind is built once and read many times: a slot's copy stands where the original does. Every update and delete
finds its row; the counts are checked while the backlog is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.errors import BenchError
from benchmarks.source import Source

BASE_ROWS: Final = 1_200_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: so many row changes, up to `end`."""

    kind: str
    changes: int
    end: int
    wal_bytes: int


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of backlog: how many changes at full scale, in one transaction or in many of ten."""

    name: str
    changes: int
    words: str


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("update_big", 1_000_000, "1 M wide updates in one transaction"),
        Kind("mixed", 500_000, "500 k mixed changes, 6 updates, 3 inserts and 1 delete a transaction"),
        Kind("small", 500_000, "500 k wide inserts in transactions of 10"),
        Kind("insert_big", 1_000_000, "1 M wide inserts in one transaction"),
    )
}

_UPDATE: Final = """
update wide set name = 'renamed ' || id % 1000, quantity = quantity + 1, seen_at = seen_at + interval '1 day'
where id in (select id from wide order by id limit {count})
"""
# Deletes go through the lowest keys, updates through all others in steps that never meet within a transaction.
_MIXED: Final = """
do $$
declare
    low bigint := (select min(id) from wide);
    high bigint := (select max(id) from wide);
    spared bigint := low + {transactions};
    span bigint := (select count(*) from wide where id >= spared);
    stray bigint := 0;
    touched bigint;
begin
    if span <> high - spared + 1 then raise 'the keys have holes'; end if;
    for i in 0 .. {transactions} - 1 loop
        update wide set quantity = quantity + 1, name = 'renamed ' || i, price = price + 1
        where id in (select spared + (i * 6 + k)::bigint * 7919 % span from generate_series(0, 5) as k);
        get diagnostics touched = row_count;
        stray := stray + abs(touched - 6);
        insert into wide select high + 1 + i * 3 + k, w.token, w.name, w.about, w.quantity, w.price, w.active,
            w.seen_at, w.details, w.tags from generate_series(0, 2) as k join wide as w on w.id = spared + i * 3 + k;
        get diagnostics touched = row_count;
        stray := stray + abs(touched - 3);
        delete from wide where id = low + i;
        get diagnostics touched = row_count;
        stray := stray + abs(touched - 1);
        commit;
    end loop;
    if stray > 0 then raise '% changes found no row', stray; end if;
end $$
"""
_SMALL: Final = """
do $$
declare
    low bigint := (select min(id) from wide);
    high bigint := (select max(id) from wide);
    stray bigint := 0;
    touched bigint;
begin
    for i in 0 .. {transactions} - 1 loop
        insert into wide select high + 1 + i * 10 + k, w.token, w.name, w.about, w.quantity, w.price, w.active,
            w.seen_at, w.details, w.tags from generate_series(0, 9) as k join wide as w on w.id = low + i * 10 + k;
        get diagnostics touched = row_count;
        stray := stray + abs(touched - 10);
        commit;
    end loop;
    if stray > 0 then raise '% rows are missing', stray; end if;
end $$
"""


def build(source: Source, kind: str, scale: float) -> Backlog:
    """Build a backlog and bring the source to rest."""
    transactions = max(int(KINDS[kind].changes * scale) // 10, 1)
    changes = transactions * 10
    start = int(source.ask("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
    if kind == "insert_big":
        high = int(source.ask("select max(id) from wide"))
        source.fill(high + 1, high + changes)
    elif kind == "update_big":
        source.execute(_UPDATE.format(count=changes))
    else:
        source.execute((_MIXED if kind == "mixed" else _SMALL).format(transactions=transactions))
    end = source.end()
    source.execute("checkpoint")
    if end <= start:
        raise BenchError(f"backlog {kind!r} is empty")
    return Backlog(kind, changes, end, end - start)
