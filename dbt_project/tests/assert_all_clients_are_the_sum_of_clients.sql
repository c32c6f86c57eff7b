-- The overview's row over all clients adds up the clients' rows, and these add up the facts.
with

overview as (select * from {{ ref('rpt_overview_weekly') }}),

totals as (
    select
        client_id is null as is_total,
        sum(application_count) as application_count,
        sum(hire_count) as hire_count,
        sum(viewed_count) as viewed_count,
        sum(active_member_count) as active_member_count
    from overview
    group by client_id is null
),

facts as (
    select
        (select count(*) from {{ ref('fct_applications') }}) as application_count,
        (select count(*) from {{ ref('fct_applications') }} where is_hired) as hire_count,
        (select count(*) from {{ ref('fct_recommendations') }} where is_viewed) as viewed_count,
        (select sum(active_member_count) from {{ ref('rpt_weekly_active_members') }}) as active_member_count
)

select totals.*
from totals
cross join facts
where
    totals.application_count <> facts.application_count
    or totals.hire_count <> facts.hire_count
    or totals.viewed_count <> facts.viewed_count
    or totals.active_member_count <> facts.active_member_count
