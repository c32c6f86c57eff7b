-- One row per client (and all clients) and week of application at least eight weeks old: share of
-- the four weeks' applications that reached 'hired' or a later stage.
with

funnel as (select * from {{ ref('rpt_hiring_funnel_weekly') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }}),

cohorts as (
    select
        coalesce(funnel.client_name, {{ filter('client') }}) as client_name,
        funnel.week_starts_on,
        sum(funnel.reached_count) as reached_count,
        sum(funnel.application_count) as application_count
    from funnel
    inner join closed_weeks on funnel.week_starts_on = closed_weeks.week_starts_on
    where funnel.stage_kind = 'hired' and closed_weeks.weeks_ago > 8
    group by grouping sets ((funnel.week_starts_on), (funnel.week_starts_on, funnel.client_name))
),

rolling as (
    select
        client_name,
        week_starts_on,
        sum(reached_count) over four_weeks as reached_count,
        sum(application_count) over four_weeks as application_count,
        week_starts_on >= min(week_starts_on) over (partition by client_name) + interval 21 days as is_whole
    from cohorts
    window four_weeks as (
        partition by client_name
        order by week_starts_on
        range between interval 21 days preceding and current row
    )
)

select client_name, week_starts_on, {{ metric('stage_reached_share') }} as hire_rate
from rolling
where is_whole
order by client_name, week_starts_on
