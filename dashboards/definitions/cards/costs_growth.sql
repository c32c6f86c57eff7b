-- One row per day with a build and layer: bytes stored.
with

growth as (select * from {{ ref('rpt_table_growth_daily') }}),

layered as (
    select
        measured_on,
        case
            when relation like 'raw%' and relation like '%history%' then 'histories'
            when relation like 'raw%' or relation like 'restricted%' then 'tables of the product and events'
            when relation like '%flux.%' then 'machinery'
            else 'models'
        end as layer,
        stored_bytes
    from growth
)

select
    measured_on as day_on,
    layer,
    sum(stored_bytes) as stored_bytes
from layered
group by measured_on, layer
order by day_on, layer
