with

entries as (select * from {{ ref('int_application_stage_entries') }}),

opportunities as (select * from {{ ref('stg_app__opportunities') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

final as (
    select
        entries.application_stage_event_id,
        entries.client_id,
        entries.application_id,
        entries.opportunity_id,
        entries.stage_id,
        entries.from_stage_id,
        opportunities.opportunity_kind,
        entries.stage_name,
        entries.stage_kind,
        entries.exit_kind,
        entries.stage_rank,
        cast(entries.entry_number as integer) as entry_number,
        {{ seconds_between('entries.entered_at', 'coalesce(entries.left_at, ' ~ cut_at() ~ ')') }}
        / 86400 as days_in_stage,
        entries.is_last_entry,
        entries.exit_kind = 'open' as is_open,
        {{ tenant_day('entries.entered_at', 'clients.time_zone') }} as entered_on,
        entries.entered_at,
        entries.left_at
    from entries
    inner join clients on entries.client_id = clients.client_id
    left join opportunities on entries.opportunity_id = opportunities.opportunity_id
)

select * from final
