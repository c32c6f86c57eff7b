-- One row per relation: its builds and tests in the newest seven days with builds, the 25 dearest.
with

model_costs as (select * from {{ ref('rpt_model_costs') }}),

newest as (
    select max(ran_on) as ran_on
    from model_costs
),

recent as (
    select model_costs.*
    from model_costs
    inner join newest on model_costs.ran_on > newest.ran_on - 7
),

days as (
    select sum(cost_seconds) as day_seconds
    from recent
),

summed as (
    select
        recent.relation,
        sum(recent.build_count) as build_count,
        sum(recent.build_seconds) as build_seconds,
        sum(recent.test_seconds) as test_seconds,
        sum(recent.cost_seconds) as cost_seconds,
        max(recent.longest_seconds) as longest_seconds,
        sum(recent.scanned_bytes) as scanned_bytes,
        sum(recent.input_bytes) as input_bytes,
        max(case when recent.ran_on = newest.ran_on then recent.row_count end) as row_count,
        max(case when recent.ran_on = newest.ran_on then recent.stored_bytes end) as stored_bytes
    from recent
    cross join newest
    group by recent.relation
)

select
    summed.relation,
    summed.build_count,
    summed.build_seconds,
    summed.test_seconds,
    summed.longest_seconds,
    {{ metric('build_time_share') }} as build_time_share,
    summed.row_count,
    summed.stored_bytes,
    summed.scanned_bytes,
    summed.input_bytes
from summed
cross join days
order by summed.cost_seconds desc, summed.relation
limit 25
