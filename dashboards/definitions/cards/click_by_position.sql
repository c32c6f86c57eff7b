-- One row per client (and all clients) and place in the list, the last twelve closed weeks.
with

quality as (select * from {{ ref('rpt_recommendation_quality_weekly') }}),

closed as (      -- weeks that had ended for every client
    select week_starts_on
    from quality
    group by week_starts_on
    having bool_and(is_complete_week)
),

recent as (
    select *
    from quality
    where
        week_starts_on in (select week_starts_on from closed order by week_starts_on desc limit 12)
        and position <= 10
)

select
    coalesce(client_name, 'All clients') as client_name,
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
