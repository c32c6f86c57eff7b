-- Page views are in one web session each: bots and visitors are counted, not dropped.
with

totals as (
    select
        (select count(*) from {{ ref('stg_segment__pages') }}) as page_count,
        (select sum(page_count) from {{ ref('fct_web_sessions') }}) as session_page_count
)

select *
from totals
where page_count <> coalesce(session_page_count, 0)
