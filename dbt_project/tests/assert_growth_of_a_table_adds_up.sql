-- What a table grew by since its first day is what it has grown to.
with

days as (select * from {{ ref('rpt_table_growth_daily') }}),

spans as (
    select
        relation,
        min(measured_on) as first_on,
        max(measured_on) as last_on,
        sum(growth_bytes) as growth_bytes,
        sum(growth_days) as growth_days
    from days
    group by relation
)

select
    spans.relation,
    spans.growth_bytes,
    spans.growth_days
from spans
inner join days as first_days on spans.relation = first_days.relation and spans.first_on = first_days.measured_on
inner join days as last_days on spans.relation = last_days.relation and spans.last_on = last_days.measured_on
where
    coalesce(spans.growth_bytes, 0) <> last_days.stored_bytes - first_days.stored_bytes
    or coalesce(spans.growth_days, 0) <> {{ days_between('spans.first_on', 'spans.last_on') }}
