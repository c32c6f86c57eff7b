-- The report of days in stage holds every stage entry before hired once for all clients, and once among the clients' rows over all kinds.
with

report as (select * from {{ ref('rpt_days_in_stage_weekly') }}),

entries as (
    select count(*) as entry_count
    from {{ ref('fct_application_stages') }}
    where stage_kind <> 'hired'
),

sums as (
    select
        client_id is null as is_total,
        opportunity_kind = '(all)' as is_all_kinds,
        sum(entry_count) as entry_count
    from report
    group by client_id is null, opportunity_kind = '(all)'
)

select sums.*
from sums
cross join entries
where sums.entry_count <> entries.entry_count
