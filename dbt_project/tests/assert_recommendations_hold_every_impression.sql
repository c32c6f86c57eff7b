-- What was seen adds up from the product's rows to the report.
with

totals as (
    select
        (select count(*) from {{ ref('stg_app__match_impressions') }}) as source_count,
        (select count(*) from {{ ref('fct_impressions') }}) as impression_count,
        (select sum(impression_count) from {{ ref('fct_recommendations') }}) as recommended_count,
        (select count(*) from {{ ref('fct_recommendations') }} where is_viewed) as viewed_count,
        (select sum(viewed_count) from {{ ref('rpt_recommendation_quality_weekly') }}) as reported_count,
        (select count(*) from {{ ref('stg_app__match_recommendations') }}) as served_source_count,
        (select count(*) from {{ ref('fct_recommendations') }}) as served_count
)

select *
from totals
where
    source_count <> impression_count
    or impression_count <> coalesce(recommended_count, 0)
    or viewed_count <> coalesce(reported_count, 0)
    or served_source_count <> served_count
