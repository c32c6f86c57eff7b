-- Accepted = loaded + duplicates + quarantined, and what was loaded is in the tables.
with

ledger as (select * from {{ ref('rpt_event_ledger') }}),

relations as (select * from {{ ref('fct_freshness') }}),

landed as (
    select sum(row_count) as row_count
    from relations
    where relation in (
        'raw_segment.tracks', 'raw_segment.pages', 'raw_segment.screens',
        'raw_segment.identifies', 'raw_segment.groups', 'raw_segment.aliases'
    )
)

select
    ledger.source,
    ledger.difference_count,
    ledger.loaded_count,
    landed.row_count
from ledger
cross join landed
where
    ledger.difference_count <> 0
    or (ledger.source = 'default' and ledger.loaded_count <> landed.row_count)
