-- One row per client (and all clients) and tenth of score: recommendations seen in the twelve weeks
-- before the last two.
with

recommendations as (select * from {{ ref('fct_recommendations') }}),

clients as (select * from {{ ref('dim_client') }}),

newest as (select max(viewed_week_starts_on) as week_starts_on from recommendations),

seen as (
    select
        clients.client_name,
        recommendations.recommendation_id,
        recommendations.score,
        recommendations.is_clicked::integer as clicked
    from recommendations
    inner join clients on recommendations.client_id = clients.client_id
    inner join newest
        on recommendations.viewed_week_starts_on
        between newest.week_starts_on - interval 98 days and newest.week_starts_on - interval 14 days
    where recommendations.is_viewed and recommendations.score is not null
),

everywhere as (
    select client_name, recommendation_id, score, clicked from seen
    union all
    select {{ filter('client') }} as client_name, recommendation_id, score, clicked from seen
),

grouped as (
    select
        client_name,
        score,
        clicked,
        ntile(10) over (partition by client_name order by score, recommendation_id) as score_tenth,
        count(*) over (partition by client_name) as seen_count
    from everywhere
),

tenths as (
    select
        client_name,
        score_tenth,
        sum(score) as score_sum,
        sum(clicked) as clicked_count,
        count(*) as viewed_count
    from grouped
    where seen_count >= 500
    group by client_name, score_tenth
)

select
    client_name,
    case score_tenth
        when 1 then 'Lowest tenth'
        when 10 then 'Highest tenth'
        else score_tenth::varchar
    end as tenth,
    {{ metric('mean_score') }} as mean_score,
    {{ metric('recommendation_click_rate') }} as click_rate
from tenths
order by client_name, score_tenth desc
