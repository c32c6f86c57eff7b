"""The judge of statements finds what DuckDB and Postgres take and the others do not."""

from __future__ import annotations

import pytest

from tests.dialects.grammar import faults

WRONG = {
    "select bool_and(x) as x from t": ("calls bool_and", "calls bool_and"),
    "select percentile_cont(0.5) within group (order by x) as y from t": ("calls percentile_cont", None),
    "select count(*) filter (where x) as n from t": ("calls filter", "calls filter"),
    "select cast(x as double precision) as y from t": ("casts to double precision", None),
    "select try_cast(x as bigint) as y from t": ("calls try_cast", None),
    "select cast(x as text[]) as y from t": ("casts to text", "casts to text"),
    "select x::bigint as y from t": ("uses ::", None),
    "select x ->> 'a' as y from t": ("uses ->>", "uses ->>"),
    "select y from t where x ~ 'a'": ("cannot be read", "cannot be read"),
    "select x + interval '1 day' as y from t": ("has an interval as a text", "uses interval"),
    "select x from t union select x from u": ("Expected DISTINCT or ALL", None),
    'select x = "a" as y from t': ("has a text in double quotes", None),
    "select x = 'it''s' as y from t": ("Adjacent string literals", None),
    "select x = '\\d' as y from t": ("has an escape in a text", "has a single backslash in a text"),
    "select hash as y from t": ("has the reserved word hash for a name", None),
    "select x as row from t": (None, "has the reserved word row for a name"),
    "select lag(x) over w as y from t window w as (order by x)": (None, "cannot be read"),
    "select t.x from t inner join u on t.x = (select max(x) as x from v)": ("has a query in the condition", None),
    "select t.x from t left join u on t.x < u.x": ("has an outer join without an equality", None),
    "with recursive a as (select 1 as x union distinct select x + 1 as x from a) select x from a": (
        "recurs over distinct rows",
        "recurs over distinct rows",
    ),
    "select coalesce(x, 'all') as x, count(*) as n from t group by x": ("groups by x", None),
    "select coalesce(x, 'all') as x from t group by grouping sets ((x, y), (y))": ("groups by x", None),
    "select source as y from source": ("names source, which is a relation and a column", None),
    "select unnest(x) as y from t": ("makes rows in a select list", "calls unnest"),
    "select list_contains(x, 1) as y from t": ("calls list_contains", "calls list_contains"),
}


@pytest.mark.parametrize("sql", WRONG)
def test_what_a_warehouse_does_not_take_is_found(sql: str) -> None:
    for warehouse, wanted in zip(("bigquery", "snowflake"), WRONG[sql], strict=True):
        if wanted:
            assert any(wanted in fault for fault in faults(sql, warehouse)), warehouse


@pytest.mark.parametrize("warehouse", ["bigquery", "snowflake"])
def test_what_all_take_is_let_through(warehouse: str) -> None:
    sql = """
    with recursive

    units as (select id, parent_id from raw_units),

    walks as (
        select id, parent_id, 0 as depth from units
        union all
        select walks.id, units.parent_id, walks.depth + 1 as depth
        from walks
        inner join units on walks.parent_id = units.id
    )

    select
        walks.id,
        max(case when not exists (select 1 from units where units.id = walks.id) then 1 end) as deep,
        sum(sum(walks.depth)) over (
            partition by walks.id order by min(walks.depth) rows between 1 preceding and current row
        ) as running
    from walks
    left join units as others on walks.id = others.id and walks.depth < others.parent_id
    group by grouping sets ((walks.id), ())
    """
    assert faults(sql, warehouse) == []
