-- Who is retained in a week, over all cohorts, is who was active in it; unbounded retention begins at the whole cohort and never rises.
with

retention as (select * from {{ ref('rpt_retention_weekly') }}),

retained as (
    select
        client_id,
        week_starts_on,
        sum(bounded_member_count) as retained_member_count
    from retention
    group by client_id, week_starts_on
),

active as (
    select
        client_id,
        week_starts_on,
        count(distinct member_id) as active_member_count
    from {{ ref('fct_member_day') }}
    group by client_id, week_starts_on
)

select
    active.client_id,
    active.week_starts_on
from active
left join retained
    on
        active.client_id = retained.client_id
        and active.week_starts_on = retained.week_starts_on
where active.active_member_count <> coalesce(retained.retained_member_count, 0)
union all
select
    later.client_id,
    later.week_starts_on
from retention as later
left join retention as earlier
    on
        later.client_id = earlier.client_id
        and later.cohort_week_starts_on = earlier.cohort_week_starts_on
        and later.weeks_since = earlier.weeks_since + 1
where later.unbounded_member_count > coalesce(earlier.unbounded_member_count, later.cohort_member_count)
    or (later.weeks_since = 0 and later.unbounded_member_count <> later.cohort_member_count)
