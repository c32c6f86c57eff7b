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
)

select 'Loaded' as outcome, loaded as message_count from totals
union all
select 'Duplicates' as outcome, duplicates as message_count from totals
union all
select 'Set aside' as outcome, quarantined as message_count from totals
