-- One row per client (and all clients) and place in the list, the last twelve closed weeks.
with

quality as (select * from {{ ref('rpt_recommendation_quality_weekly') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }}),

recent as (
    select quality.*
    from quality
    inner join closed_weeks on quality.week_starts_on = closed_weeks.week_starts_on
    where closed_weeks.weeks_ago <= 12 and quality.position <= 10
)

select
    coalesce(client_name, {{ filter('client') }}) as client_name,
    position,
    case when sum(impression_count) >= 50 then {{ metric_of_sums('click_through_rate') }} end
        as click_through_rate,
    case
        when sum(exploration_impression_count) >= 50
            then {{ metric_of_sums('exploration_click_through_rate') }}
    end as exploration_rate
from recent
group by grouping sets ((position), (position, client_name))
order by client_name, position
