-- A click is credited to one impression at most, never before the sight, and impressions are those of the product.
with

impressions as (select * from {{ ref('fct_impressions') }}),

totals as (
    select
        (select count(*) from {{ ref('stg_app__match_impressions') }}) as source_count,
        (select count(*) from impressions) as impression_count,
        (select count(*) from impressions where is_clicked) as clicked_count,
        (select count(*) from impressions where clicked_at < shown_at) as early_count,
        (select count(*) from {{ ref('stg_segment__recommendation_clicked') }}) as click_count
)

select *
from totals
where
    source_count <> impression_count
    or clicked_count > click_count
    or early_count > 0
