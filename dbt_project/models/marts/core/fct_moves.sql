with

assignments as (select * from {{ ref('stg_app__assignments') }}),

opportunities as (select * from {{ ref('stg_app__opportunities') }}),

job_profiles as (select * from {{ ref('stg_app__job_architecture') }}),

members as (select * from {{ ref('int_members_versioned') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

origins as (      -- one row per assignment whose member was known at its start
    select
        assignments.assignment_id,
        members.org_unit_id,
        members.job_family
    from assignments
    inner join clients on assignments.client_id = clients.client_id
    inner join members
        on
            assignments.member_id = members.member_id
            and {{ tenant_midnight('assignments.started_on', 'clients.time_zone') }} >= members.valid_from
            and (
                members.valid_to is null
                or {{ tenant_midnight('assignments.started_on', 'clients.time_zone') }} < members.valid_to
            )
),

final as (
    select
        assignments.assignment_id,
        assignments.client_id,
        assignments.member_id,
        assignments.opportunity_id,
        assignments.application_id,
        origins.org_unit_id as from_org_unit_id,
        opportunities.org_unit_id as to_org_unit_id,
        opportunities.opportunity_kind,
        origins.job_family as from_job_family,
        job_profiles.job_family as to_job_family,
        assignments.outcome,
        assignments.member_rating,
        assignments.manager_rating,
        cast({{ days_between('assignments.started_on', 'assignments.ended_on') }} as integer)
            as duration_days,
        assignments.hours_logged,
        origins.org_unit_id <> opportunities.org_unit_id as is_org_unit_change,
        origins.job_family <> job_profiles.job_family as is_role_change,
        assignments.ended_on is null
        or assignments.ended_on > {{ tenant_day(cut_at(), 'clients.time_zone') }} as is_running,
        assignments.started_on,
        {{ week_of('assignments.started_on') }} as week_starts_on,
        assignments.ended_on
    from assignments
    inner join clients on assignments.client_id = clients.client_id
    left join origins on assignments.assignment_id = origins.assignment_id
    left join opportunities on assignments.opportunity_id = opportunities.opportunity_id
    left join job_profiles on opportunities.job_architecture_id = job_profiles.job_architecture_id
)

select * from final
