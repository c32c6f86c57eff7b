with

source as (select * from {{ source('app_history', 'members') }}),

renamed as (
    select
        ---------- ids
        id as member_id,
        client_id,
        user_id,
        org_unit_id,
        manager_id,
        job_architecture_id,
        location_id,

        ---------- text and enums
        worker_type,
        title as job_title,

        ---------- lists and documents
        {{ array_from_text('open_to') }} as open_to,

        ---------- numbers
        cast(level as integer) as level,
        weekly_capacity_hours,
        cast(profile_completeness as {{ type_name('double precision') }}) as profile_completeness,

        ---------- dates
        hired_on,
        terminated_on,

        ---------- timestamps
        created_at,
        updated_at,
        deleted_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
