-- Both reports of clicks hold every mature impression and click, in the same weeks; none weighs below 1; lists are those of the recommendations.
with

clicks as (select * from {{ ref('rpt_debiased_clicks_weekly') }}),

quality as (
    select
        client_id,
        week_starts_on,
        model_version_id,
        sum(impression_count) as impression_count,
        sum(clicked_impression_count) as clicked_impression_count
    from {{ ref('rpt_recommendation_quality_weekly') }}
    group by client_id, week_starts_on, model_version_id
),

impressions as (
    select
        count(*) as impression_count,
        count(case when is_clicked then 1 end) as clicked_count
    from {{ ref('fct_impressions') }}
    where is_click_mature
),

lists as (
    select count(distinct request_id) as list_count
    from {{ ref('fct_recommendations') }}
)

select 'clicks' as broken
from clicks
having
    sum(impression_count) <> (select impression_count from impressions)
    or sum(clicked_impression_count) <> (select clicked_count from impressions)
union all
select 'weeks' as broken
from quality
left join clicks
    on
        quality.client_id = clicks.client_id
        and quality.week_starts_on = clicks.week_starts_on
        and quality.model_version_id = clicks.model_version_id
where
    quality.impression_count <> coalesce(clicks.impression_count, 0)
    or quality.clicked_impression_count <> coalesce(clicks.clicked_impression_count, 0)
union all
select 'weights' as broken
from clicks
where
    weighable_impression_count = impression_count and click_weight_sum < clicked_impression_count - 1e-9
    or weighable_impression_count > impression_count
union all
select 'lists' as broken
from {{ ref('rpt_list_diversity_weekly') }}
having
    sum(list_count) <> (select list_count from lists)
    or min(intra_list_diversity) < -1e-9
    or max(intra_list_diversity) > 1
