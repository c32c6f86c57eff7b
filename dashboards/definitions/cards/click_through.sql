-- One row per client (and all clients) and closed week: clicked / impressions of the four weeks
-- that end with it.
with

quality as (select * from {{ ref('rpt_recommendation_quality_weekly') }}),

weekly as (
    select
        coalesce(client_name, {{ filter('client') }}) as client_name,
        week_starts_on,
        sum(clicked_impression_count) as clicked_impression_count,
        sum(impression_count) as impression_count,
        bool_and(is_complete_week) as is_complete_week
    from quality
    group by grouping sets ((week_starts_on), (week_starts_on, client_name))
    having sum(impression_count) > 0
),

rolling as (
    select
        client_name,
        week_starts_on,
        sum(clicked_impression_count) over four_weeks as clicked_impression_count,
        sum(impression_count) over four_weeks as impression_count,
        count(*) over four_weeks as week_count
    from weekly
    where is_complete_week
    window four_weeks as (
        partition by client_name
        order by week_starts_on
        range between interval 21 days preceding and current row
    )
)

select client_name, week_starts_on, {{ metric('click_through_rate') }} as click_through_rate
from rolling
where week_count = 4 and impression_count > 0
order by client_name, week_starts_on
