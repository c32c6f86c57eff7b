-- One row: tables and event sources together.
with

freshness as (select * from {{ ref('rpt_data_freshness') }}),

ledger as (select * from {{ ref('rpt_event_ledger') }}),

tables as (select coalesce(sum(quarantined_count), 0) as quarantined from freshness where door = 'postgres'),

events as (select coalesce(sum(quarantined_count), 0) as quarantined from ledger)

select
    tables.quarantined + events.quarantined as quarantined,
    tables.quarantined || ' rows of tables, ' || events.quarantined || ' events' as detail
from tables
cross join events
