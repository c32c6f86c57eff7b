{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='application_id',
        on_schema_change='fail',
        pre_hook="{{ moves(
            'days_open', days_open('told.applied_on', cut_at(), 'int_clients_zoned.time_zone'),
            'told.decided_at is null',
            joined='int_clients_zoned', on='told.client_id = int_clients_zoned.client_id'
        ) }}"
    )
}}

with

every_application as (select * from {{ ref('stg_app__applications') }}),

milestones as (select * from {{ ref('int_applications_milestoned') }}),

opportunities as (select * from {{ ref('stg_app__opportunities') }}),

stages as (select * from {{ ref('stg_app__stages') }}),

reject_reasons as (select * from {{ ref('stg_app__reject_reasons') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

changed as (select * from {{ ref('int_applications_changed') }}),

applications as (      -- those to be told again; all in a full build
    {{ to_be_told('every_application', 'application_id') }}
),

joined as (      -- one row per living application
    select
        applications.*,
        opportunities.opportunity_kind,
        stages.stage_kind as current_stage_kind,
        reject_reasons.reject_reason_code as reject_reason,
        clients.time_zone,
        milestones.stage_entry_count,
        milestones.screened_at,
        milestones.interviewed_at,
        milestones.assessed_at,
        milestones.offered_at,
        -- Who was hired passed every stage, whatever the process of the client records.
        case
            when applications.status = 'hired' then {{ var('stage_kinds') | length }}
            else coalesce(milestones.furthest_stage_rank, 1)
        end as furthest_stage_rank,
        {{ decided_at('applications.') }} as decided_at
    from applications
    inner join clients on applications.client_id = clients.client_id
    left join milestones on applications.application_id = milestones.application_id
    left join opportunities on applications.opportunity_id = opportunities.opportunity_id
    left join stages on applications.current_stage_id = stages.stage_id
    left join reject_reasons on applications.reject_reason_id = reject_reasons.reject_reason_id
    where applications.deleted_at is null
),

dated as (
    select
        *,
        {{ tenant_day('applied_at', 'time_zone') }} as applied_on,
        case when status = 'hired' then {{ tenant_day('hired_at', 'time_zone') }} end as hired_on
    from joined
),

final as (
    select
        application_id,
        client_id,
        member_id,
        opportunity_id,
        recommendation_id,
        current_stage_id,
        opportunity_kind,
        source,
        status,
        current_stage_kind,
        {{ stage_kind_of('furthest_stage_rank') }} as furthest_stage_kind,
        reject_reason,
        furthest_stage_rank,
        cast(coalesce(stage_entry_count, 0) as integer) as stage_entry_count,
        cast({{ days_between('applied_on', 'hired_on') }} as integer) as days_to_hire,
        {{ days_open('applied_on', 'coalesce(decided_at, ' ~ cut_at() ~ ')', 'time_zone') }} as days_open,
        status = 'active' as is_open,
        status = 'hired' as is_hired,
        source <> 'external' as is_internal,
        applied_on,
        {{ week_of('applied_on') }} as applied_week_starts_on,
        hired_on,
        {{ week_of('hired_on') }} as hired_week_starts_on,
        applied_at,
        screened_at,
        interviewed_at,
        assessed_at,
        offered_at,
        hired_at,
        rejected_at,
        withdrawn_at,
        decided_at
    from dated
)

select * from final
