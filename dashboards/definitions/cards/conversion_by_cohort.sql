-- One row per client (and all clients) and week of application at least four weeks old: the
-- applications of the four weeks that end with it.
with

funnel as (select * from {{ ref('rpt_hiring_funnel_weekly') }}),

newest as (      -- newest week that had ended for every client
    select max(week_starts_on) as week_starts_on
    from (select week_starts_on from funnel group by week_starts_on having bool_and(is_complete_week))
),

cohorts as (
    select
        coalesce(funnel.client_name, 'All clients') as client_name,
        funnel.week_starts_on,
        sum(funnel.reached_count) filter (where funnel.stage_kind = 'applied') as applied,
        sum(funnel.reached_count) filter (where funnel.stage_kind = 'screen') as screened,
        sum(funnel.reached_count) filter (where funnel.stage_kind = 'interview') as interviewed,
        sum(funnel.reached_count) filter (where funnel.stage_kind = 'offer') as offered,
        sum(funnel.reached_count) filter (where funnel.stage_kind = 'hired') as hired
    from funnel
    inner join newest on funnel.week_starts_on <= newest.week_starts_on - interval 28 days
    group by grouping sets ((funnel.week_starts_on), (funnel.week_starts_on, funnel.client_name))
),

rolling as (
    select
        client_name,
        week_starts_on,
        sum(applied) over four_weeks as applied,
        sum(screened) over four_weeks as screened,
        sum(interviewed) over four_weeks as interviewed,
        sum(offered) over four_weeks as offered,
        sum(hired) over four_weeks as hired,
        week_starts_on >= min(week_starts_on) over (partition by client_name) + interval 21 days as is_whole
    from cohorts
    window four_weeks as (
        partition by client_name
        order by week_starts_on
        range between interval 21 days preceding and current row
    )
)

select
    client_name,
    week_starts_on,
    screened / applied as screen_rate,
    interviewed / applied as interview_rate,
    offered / applied as offer_rate,
    hired / applied as hire_rate
from rolling
where is_whole and applied > 0
order by client_name, week_starts_on
