-- Openings of filled opportunities add up from the product's rows to the fact, and to the report from its first week on.
with

opportunities as (
    select sum(openings) as opening_count
    from {{ ref('stg_app__opportunities') }}
    where deleted_at is null and status in ('filled', 'closed') and filled_at >= opened_at
),

facts as (
    select
        count(*) as opening_count,
        count(case when weeks.client_id is not null then 1 end) as reported_count
    from {{ ref('fct_fills') }} as fills
    left join {{ ref('int_client_weeks') }} as weeks
        on fills.client_id = weeks.client_id and fills.week_starts_on = weeks.week_starts_on
),

reports as (
    select sum(opening_count) as opening_count
    from {{ ref('rpt_time_to_fill_weekly') }}
    where client_slug = '(all)' and opportunity_kind = '(all)'
)

select
    opportunities.opening_count,
    facts.opening_count as fact_count,
    reports.opening_count as report_count
from opportunities
cross join facts
cross join reports
where
    coalesce(opportunities.opening_count, 0) <> facts.opening_count
    or facts.reported_count <> coalesce(reports.opening_count, 0)
