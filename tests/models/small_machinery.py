"""Flux's own tables of the small warehouse: clock, cuts, segments, quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import duckdb

from ingestion.warehouse import cost_tables

TABLES = f"""
create schema _flux;
{cost_tables.TABLES}
create table _flux.clock (_epoch bigint, _lsn bigint, commit_at timestamptz, clock_at timestamptz);
create table _flux.cuts (
    cut_id bigint, epoch bigint, lsn bigint, commit_at timestamptz, clock_at timestamptz,
    event_segment bigint, event_offset bigint, made_at timestamptz);
create table _flux.tables (source varchar, relation varchar, history varchar, state varchar);
create table _flux.table_status (
    source varchar, relation varchar, captured_lag_seconds double, loaded_lag_seconds double, written_at timestamptz);
create table _flux.segments (
    source varchar, segment bigint, from_offset bigint, to_offset bigint, accepted bigint, loaded bigint,
    duplicates bigint, quarantined bigint, loaded_at timestamptz);
create table _flux.quarantine (
    consumer varchar, source varchar, position varchar, reason varchar, raw blob, noticed_at timestamptz);
create table _flux.history_gaps (
    relation varchar, epoch bigint, from_lsn bigint, to_lsn bigint, reason varchar, noticed_at timestamptz);
"""
COSTS = """
insert into _flux.run_costs
select
    day, kind, name, subject, 1 + number % 3, number % 7 // 6, 0.25 * (number % 11), 0.125 * (number % 11),
    case when kind = 'test' then null else 10 * number + day_number end,
    case when number % 4 = 0 then null else 1000 * number end
from days
cross join (values
    (1, 'model', 'fct_moves', 'marts.fct_moves'), (2, 'model', 'dim_skill', 'marts.dim_skill'),
    (3, 'model', 'stg_app__moves', 'staging.stg_app__moves'), (4, 'seed', 'weights', 'intermediate.weights'),
    (5, 'test', 'key_of_fct_moves', null), (6, 'test', 'key_that_is_gone', null),
    (7, 'card', 'overview.hires', 'overview'),
    (8, 'card', 'data_health.worst_lag', 'data_health'), (9, 'dataset', 'match', 'match')
) as ran (number, kind, name, subject)
where (number + day_number) % 5 <> 0;
insert into _flux.relation_sizes
select day, relation, number * 100 + day_number * day_number, 262144 * (number + day_number // 2)
from days
cross join (values
    (1, 'marts.fct_moves'), (2, 'marts.dim_skill'), (3, 'raw_app.assignments'), (4, 'reporting.rpt_closed_weeks'),
    (5, 'ml.ml_match_examples_v2')
) as sizes (number, relation)
where (number + day_number) % 6 <> 0 or day_number = 0;
insert into _flux.relation_reads
select day, relation, kind, reader, 1 + day_number % 4, 0.5 * day_number
from days
cross join (values
    (1, 'marts.fct_moves', 'person', 'ada'), (2, 'marts.fct_moves', 'person', 'bob'),
    (3, 'marts.fct_moves', 'card', 'overview'), (4, 'ml.ml_match_examples_v2', 'dataset', 'match'),
    (5, 'marts.dim_skill', 'card', 'overview')
) as reads (number, relation, kind, reader)
where day_number % (number + 1) = 0 and (number <> 4 or day_number > 60);
insert into _flux.disk_sizes
select
    timezone('UTC', day + interval '7 hours'), part,
    number * 1000000000::bigint + (80 - day_number) * (4 - number) * 1000000 + 50000 * (day_number * day_number % 7),
    case when part = 'disk' then 40000000000 end
from days
cross join (values (1, 'disk'), (2, 'log'), (4, 'warehouse')) as parts (number, part)
where day_number < 25 and (part <> 'log' or day_number < 3);
insert into _flux.dependents values
    ('marts.fct_moves', 'test', 'key_of_fct_moves', 'x'),
    ('marts.fct_moves', 'model', 'reporting.rpt_closed_weeks', 'x'),
    ('marts.fct_moves', 'dashboard', 'overview', 'x'), ('marts.fct_moves', 'dashboard', 'costs', 'x'),
    ('ml.ml_match_examples_v2', 'dataset', 'match', 'x'), ('raw_app.assignments', 'build', 'marts.fct_moves', 'x'),
    ('marts.dim_skill', 'build', 'marts.fct_moves', 'x'),
    ('raw_app.assignments', 'model', 'staging.stg_app__moves', 'x');
"""
# Hours before the end at which the earlier cuts were made: one a day, then a few within minutes.
EARLIER = (72, 48, 24.5, 24, 0.2, 0.1)


def fill(
    connection: duckdb.DuckDBPyConnection, clock: Sequence[tuple[int, datetime]], end: datetime, loaded: int
) -> None:
    """Fill them: `clock` has position and time of each transaction, `end` is the time of the newest cut."""
    entries = "select unnest($1) as lsn, unnest($2) as moment"  # row by row they would take a second
    connection.execute(
        f"insert into _flux.clock select 1, lsn, moment, moment from ({entries})",
        [[lsn for lsn, _ in clock], [at for _, at in clock]],
    )
    cuts = [(end - timedelta(hours=hours), end - timedelta(hours=hours)) for hours in EARLIER]
    for cut, (at, made_at) in enumerate([*cuts, (end, end + timedelta(seconds=12))], 1):
        lsn, commit_at = [entry for entry in clock if entry[1] <= at][-1]
        if at == end:
            commit_at = end
        connection.execute("insert into _flux.cuts values (?, 1, ?, ?, ?, 1, 1, ?)", [cut, lsn, commit_at, at, made_at])
    connection.execute(
        "insert into _flux.table_status select source, relation, 1.5, 0.5, ? from _flux.tables",
        [end + timedelta(seconds=9)],
    )
    connection.execute(
        "insert into _flux.segments values ('default', 1, 0, 1, ?, ?, 3, 1, ?)", [loaded + 4, loaded, end]
    )
    connection.execute("insert into _flux.quarantine values ('events', 'default', '1:1', 'no id', null, ?)", [end])
    connection.execute(
        "create temp table days as select $1::date - number::integer as day, number::integer as day_number "
        "from range(70) as numbered (number)",
        [end.date()],
    )
    connection.execute(COSTS)
    connection.execute("drop table days")
