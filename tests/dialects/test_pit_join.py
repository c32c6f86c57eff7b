"""Every strategy of pit_join gives the rows that a look at all versions gives, on one fixture; deep keys stay cheap.

Fifty keys of twenty versions and one of twenty thousand; several changes of one transaction, which may have millions
of others between them, deletions, versions made again, keys without history. The macros are rendered without dbt: what
dbt makes of them is in test_macros.py.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any  # Any: macros of a template

import duckdb
import psycopg
import pytest
from jinja2 import Environment

from tests.dialects.run import PROJECT

DEEP = 20_000
APART = 100_000_000  # changes of others between two of a key
Version = tuple[int, int, int, int | None, int | None, bool]  # key, place, number, next place, level, is gone
Row = tuple[int, int | None, int]


def rendered(warehouse: str, **arguments: object) -> str:
    """The statement of a warehouse."""
    given = {"keys": ["key_id"], "columns": ["level"], "carried": ["row_id"], "is_deleted": "is_gone", **arguments}
    return str(macros_of(warehouse)["pit_join"]("places", "versions", **given))


def rendered_set(warehouse: str, depth: int) -> str:
    """The statement for all versions of an owner's keys, of a history that is so deep."""
    given = {"key": "owner_id", "id": ["key_id"], "columns": ["level"], "carried": ["row_id"]}
    return str(macros_of(warehouse, depth)["pit_set_join"]("askers", "owned", "model", **given))


def macros_of(warehouse: str, depth: int = 0) -> dict[str, Any]:
    """The macros, of a warehouse whose histories are so deep."""
    files = ("pit_join", "pit_packed", "pit_depth", "known_before", "commit_position")
    text = "".join((PROJECT / "macros" / f"{name}.sql").read_text(encoding="utf-8") for name in files)
    environment = Environment(extensions=["jinja2.ext.do"])
    environment.globals["return"] = lambda value: value
    macros: dict[str, Any] = {}

    def dispatch(name: str, package: str) -> Any:
        assert package == "flux"
        return macros.get(f"{warehouse}__{name}", macros[f"default__{name}"])

    answer = SimpleNamespace(columns=[SimpleNamespace(values=lambda: [depth])])
    environment.globals |= {
        "adapter": SimpleNamespace(dispatch=dispatch),
        "target": SimpleNamespace(type=warehouse),
        "execute": True,
        "graph": {"nodes": {"one": "node"}},
        "ref": str,
        "load_relation": str,
        "run_query": lambda query: answer,
    }
    macros.update(vars(environment.from_string(text).module))
    return macros


def fixture() -> tuple[list[Version], list[Row]]:
    chance = random.Random(5)
    told: list[tuple[int, int, int, int | None, bool]] = []
    for key in range(51):
        place = 0
        for number in range(DEEP if key == 0 else 20):
            place += chance.choice((0, 1, 1, 3))  # 0: one transaction changed it twice
            is_gone = chance.random() < 0.1
            level = None if chance.random() < 0.1 else chance.randrange(100)
            told.append((key, place, number * APART, level, is_gone))
    following = {}
    for one, other in pairwise(told):
        following[one[0], one[2]] = other[1] if other[0] == one[0] else None
    versions = [(key, at, number, following.get((key, number)), level, gone) for key, at, number, level, gone in told]
    chance.shuffle(versions)
    rows: list[Row] = [(number, chance.randrange(1, 54), chance.randrange(40)) for number in range(3_000)]
    rows += [(3_000 + number, 0, chance.randrange(2 * DEEP)) for number in range(200)]
    return versions, [*rows, (3_200, None, 30)]


def expected(versions: Sequence[Version], rows: Sequence[Row]) -> list[tuple[int, int | None]]:
    chains: dict[int | None, list[Version]] = defaultdict(list)
    for version in sorted(versions, key=lambda one: one[:3]):
        chains[version[0]].append(version)
    found = []
    for number, key, place in rows:
        chain = chains[key]
        before = bisect_left(chain, place, key=lambda version: version[1])
        newest = chain[before - 1] if before else None
        found.append((number, None if newest is None or newest[5] else newest[4]))
    return sorted(found)


VERSIONS, ROWS = fixture()
DEFINITION = "key_id bigint, _position bigint, number bigint, _next_position bigint, level bigint, is_gone boolean"
# Every fifth key changes its owner with each version.
OWNED = """
create temporary view owned as
select *, (key_id + case when key_id % 5 = 0 then number % 2 else 0 end) % 7 as owner_id from versions;
create temporary view askers as select row_id, key_id % 7 as owner_id, _position from places"""


@pytest.fixture(scope="module")
def on_duckdb() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"create table told ({DEFINITION})")
    connection.execute("create table asked (row_id bigint, key_id bigint, _position bigint)")
    connection.executemany("insert into asked values (?, ?, ?)", [list(row) for row in ROWS])
    columns = zip(*VERSIONS, strict=True)
    listed = ", ".join("unnest(?)" for _ in range(6))
    connection.execute(f"insert into told select {listed}", [list(column) for column in columns])
    connection.execute("create view places as select * from asked")
    connection.execute("create view versions as select *, 0 as _epoch, _position as _lsn from told")
    return connection


@pytest.mark.parametrize(
    ("strategy", "order"), [("asof", None), ("asof", "number"), ("range", None), ("line", None), (None, "number")]
)
def test_strategies_of_duckdb_give_the_newest_version_before(
    on_duckdb: duckdb.DuckDBPyConnection, strategy: str | None, order: str | None
) -> None:
    found = on_duckdb.execute(rendered("duckdb", strategy=strategy, order=order)).fetchall()
    assert sorted(found, key=lambda row: row[0]) == expected(VERSIONS, ROWS)


# Places of the fixture as other histories have them: how they are told, and what comes behind a place within it.
HISTORIES = {
    "one epoch": ("1767225600000", "64 * {}", "number"),
    "an epoch for every ten places": ("1767225600000 + {} // 10", "64 * ({} % 10)", "number"),
    "more changes of a transaction than eight bytes hold beside its place": ("7", "{}", "number * 1000000"),
    "orders that are not counted from zero": ("7", "{}", "number - 1000000000"),
    "places of which nothing but themselves is told": ("cast(null as bigint)", "cast({} as bigint)", "number"),
}


@pytest.mark.parametrize("history", HISTORIES)
def test_places_and_orders_of_any_size_give_the_same_versions(
    on_duckdb: duckdb.DuckDBPyConnection, history: str
) -> None:
    epoch, lsn, order = HISTORIES[history]
    place = "cast(coalesce({epoch}, 0) as decimal(13, 0)) * cast(9223372036854775808 as decimal(19, 0)) + {lsn}"
    at = place.format(epoch=epoch, lsn=lsn).replace("{}", "_position")
    connection = on_duckdb.cursor()
    connection.execute(f"create temp view places as select * replace ({at} as _position) from asked")
    connection.execute(
        f"create temp view versions as select * replace ({at} as _position), {order} as _seq,"
        f" {epoch.format('_position')} as _epoch, {lsn.format('_position')} as _lsn from told"
    )

    found = connection.execute(rendered("duckdb", order="_seq")).fetchall()

    assert sorted(found, key=lambda row: row[0]) == expected(VERSIONS, ROWS)


def test_rows_are_kept_where_there_are_no_versions(on_duckdb: duckdb.DuckDBPyConnection) -> None:
    connection = on_duckdb.cursor()
    connection.execute("create temp view versions as select *, 0 as _epoch, _position as _lsn from told where false")

    found = connection.execute(rendered("duckdb", order="number")).fetchall()

    assert sorted(found) == [(row, None) for row in range(len(ROWS))]


@pytest.mark.parametrize("strategy", ["lateral", "range", "line", None])
def test_strategies_of_postgres_give_the_newest_version_before(database: str, strategy: str | None) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(f"create temporary table versions ({DEFINITION})")
        connection.execute("create temporary table places (row_id bigint, key_id bigint, _position bigint)")
        for table, rows in (("versions", VERSIONS), ("places", ROWS)):
            with connection.cursor().copy(f"copy {table} from stdin") as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute("create index on versions (key_id, _position desc)")
        connection.execute("analyze versions; analyze places")
        found = connection.execute(rendered("postgres", strategy=strategy)).fetchall()
        connection.execute(OWNED)
        sets = [sorted(connection.execute(rendered_set("postgres", depth)).fetchall(), key=str) for depth in (64, 65)]
    assert sorted(found, key=lambda row: row[0]) == expected(VERSIONS, ROWS)
    assert sets[0] == sets[1]


def test_an_owner_has_the_same_versions_however_deep_their_histories(on_duckdb: duckdb.DuckDBPyConnection) -> None:
    for statement in OWNED.split(";"):
        on_duckdb.execute(statement)
    shallow, deep = (rendered_set("duckdb", depth) for depth in (64, 65))
    assert ("asof" in shallow, "asof" in deep) == (False, True)
    found = sorted(on_duckdb.execute(shallow).fetchall(), key=str)
    assert sorted(on_duckdb.execute(deep).fetchall(), key=str) == found
    assert len(found) > len(ROWS)


def test_strategies_are_what_they_are_called() -> None:
    assert "asof left join" in rendered("duckdb")
    assert "asof join" in rendered("snowflake")
    assert "match_condition" in rendered("snowflake")
    assert "left join lateral" in rendered("postgres", strategy="lateral")
    for warehouse, strategy in (("duckdb", "range"), ("snowflake", "range"), ("postgres", None), ("bigquery", None)):
        assert " <= pit_version._next_position" in rendered(warehouse, strategy=strategy)
        assert "asof" not in rendered(warehouse, strategy=strategy)


def test_a_hundred_thousand_versions_of_one_key_stay_within_memory() -> None:
    """By a look at each version, these rows would compare ten thousand million places."""
    with duckdb.connect(config={"memory_limit": "300MB", "threads": 2}) as connection:
        connection.execute(
            "create table versions as select 1 as key_id, range as _position, range + 1 as _next_position,"
            " range as level, false as is_gone from range(100_000)"
        )
        connection.execute(
            "create table places as select range as row_id, 1 as key_id, (range * 7919) % 100_000 as _position"
            " from range(100_000)"
        )
        query = (
            f"select count(*), sum(_position - 1 - level) from ({rendered('duckdb', carried=['row_id', '_position'])})"
        )
        assert connection.execute(query).fetchall() == [(100_000, 0)]
