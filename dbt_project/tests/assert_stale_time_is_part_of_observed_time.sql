-- The days of the freshness budget hold the time between the oldest cut and the newest, no more than the day has, and stale time within.
with

report as (select * from {{ ref('rpt_freshness_budget_daily') }}),

spans as (
    select sum({{ seconds_between('read_from', 'read_to') }}) / 60 as observed_minutes
    from {{ ref('int_cut_spans') }}
)

select 'sum' as broken
from report
having abs(sum(observed_minutes) - (select observed_minutes from spans)) > 1e-6
union all
select cast(date_on as {{ type_name('text') }}) as broken
from report
where stale_minutes > observed_minutes + 1e-9 or observed_minutes > 1440 + 1e-9 or stale_minutes < 0
