-- One row per event source.
with

ledger as (select * from {{ ref('rpt_event_ledger') }})

select
    source,
    accepted_count,
    loaded_count,
    duplicate_count,
    quarantined_count,
    case when difference_count = 0 then 'exact' else 'unbalanced' end as identity
from ledger
order by accepted_count desc, source
