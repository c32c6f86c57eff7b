-- One row: all event sources.
with

ledger as (select * from {{ ref('rpt_event_ledger') }})

select
    sum(accepted_count) as accepted,
    sum(abs(difference_count)) as difference,
    case
        when sum(abs(difference_count)) = 0 then 'all accounted for'
        else 'the identity does not hold'
    end as identity
from ledger
having count(*) > 0
