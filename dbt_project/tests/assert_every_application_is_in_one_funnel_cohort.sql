-- The funnel holds each living application once: as many at stage applied, and as many by furthest stage.
with

applications as (select * from {{ ref('fct_applications') }}),

funnel as (select * from {{ ref('rpt_hiring_funnel_weekly') }}),

living as (select * from {{ ref('stg_app__applications') }} where deleted_at is null),

totals as (
    select
        (select count(*) from living) as living_count,
        (select count(*) from applications) as application_count,
        (select sum(application_count) from funnel where stage_kind = 'applied') as cohort_count,
        (select sum(reached_count) from funnel where stage_kind = 'applied') as reached_count,
        (select sum(stopped_count) from funnel) as stopped_count,
        (select sum(open_count) from funnel) as open_count,
        (select count(*) from applications where is_open) as open_application_count
)

select *
from totals
where
    living_count <> application_count
    or application_count <> coalesce(cohort_count, 0)
    or application_count <> coalesce(reached_count, 0)
    or application_count <> coalesce(stopped_count, 0)
    or open_application_count <> coalesce(open_count, 0)
