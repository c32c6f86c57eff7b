-- One row per client (and all clients) and week of application at least four weeks old: the
-- applications of the four weeks that end with it.
with

funnel as (select * from {{ ref('rpt_hiring_funnel_weekly') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }}),

cohorts as (
    select
        coalesce(funnel.client_name, {{ filter('client') }}) as client_name,
        funnel.week_starts_on,
        funnel.stage_kind,
        sum(funnel.reached_count) as reached_count,
        sum(funnel.application_count) as application_count
    from funnel
    inner join closed_weeks on funnel.week_starts_on = closed_weeks.week_starts_on
    where closed_weeks.weeks_ago > 4
    group by grouping sets (
        (funnel.week_starts_on, funnel.stage_kind),
        (funnel.week_starts_on, funnel.stage_kind, funnel.client_name)
    )
),

rolling as (
    select
        client_name,
        week_starts_on,
        stage_kind,
        sum(reached_count) over four_weeks as reached_count,
        sum(application_count) over four_weeks as application_count,
        week_starts_on >= min(week_starts_on) over (partition by client_name) + interval 21 days as is_whole
    from cohorts
    window four_weeks as (
        partition by client_name, stage_kind
        order by week_starts_on
        range between interval 21 days preceding and current row
    )
),

rated as (
    select
        client_name,
        week_starts_on,
        stage_kind,
        {{ metric('stage_reached_share') }} as reached_share
    from rolling
    where is_whole
)

select
    client_name,
    week_starts_on,
    max(reached_share) filter (where stage_kind = 'screen') as screen_rate,
    max(reached_share) filter (where stage_kind = 'interview') as interview_rate,
    max(reached_share) filter (where stage_kind = 'offer') as offer_rate,
    max(reached_share) filter (where stage_kind = 'hired') as hire_rate
from rated
group by client_name, week_starts_on
order by client_name, week_starts_on
