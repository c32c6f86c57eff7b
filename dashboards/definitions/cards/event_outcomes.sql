-- One row per outcome of an accepted message, over all sources.
with

ledger as (select * from {{ ref('rpt_event_ledger') }}),

totals as (
    select
        sum(loaded_count) as loaded,
        sum(duplicate_count) as duplicates,
        sum(quarantined_count) as quarantined
    from ledger
    having count(*) > 0
),

outcomes as (
    select 1 as place, 'Loaded' as outcome, loaded as message_count from totals
    union all
    select 2 as place, 'Duplicates' as outcome, duplicates as message_count from totals
    union all
    select 3 as place, 'Set aside' as outcome, quarantined as message_count from totals
)

select outcome, message_count
from outcomes
order by place
