{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='application_id',
        on_schema_change='fail',
        pre_hook="{{ moves(
            'days_in_stage', days_in_stage('told.entered_at', cut_at()), 'told.left_at is null'
        ) }}"
    )
}}

with

every_entry as (select * from {{ ref('int_application_stage_entries') }}),

opportunities as (select * from {{ ref('stg_app__opportunities') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

changed as (select * from {{ ref('int_applications_changed') }}),

entries as (      -- those to be told again; all in a full build
    {{ to_be_told('every_entry', 'application_id') }}
),

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
        {{ days_in_stage('entries.entered_at', 'coalesce(entries.left_at, ' ~ cut_at() ~ ')') }}
            as days_in_stage,
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
