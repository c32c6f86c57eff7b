{{ config(materialized='table') }}

with

versions as (select * from {{ ref('int_members_versioned') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

ordered as (      -- one row per version, with what the version before it said
    select
        *,
        lag(job_title) over (partition by member_id order by valid_from) as from_job_title,
        lag(is_employed) over (partition by member_id order by valid_from) as was_employed,
        lag(hired_on) over (partition by member_id order by valid_from) as was_hired_on
    from versions
),

title_changes as (
    select
        ordered.member_version_id,
        ordered.client_id,
        ordered.member_id,
        {{ tenant_day('ordered.valid_from', 'clients.time_zone') }} as changed_on
    from ordered
    inner join clients on ordered.client_id = clients.client_id
    where
        ordered.job_title <> ordered.from_job_title
        -- Who left and came back got the new title as a hire, even if the product keeps one row for both.
        and ordered.is_employed
        and ordered.was_employed
        and ordered.hired_on = ordered.was_hired_on
)

select * from title_changes
