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

        ---------- validity, half-open
        _op in ('delete', 'truncate') as is_deleted,
        _op = 'snapshot' as is_left_censored,
        _commit_at as valid_from,
        lead(_commit_at) over (partition by id order by _epoch, _lsn, _seq) as valid_to,

        ---------- machinery
        _op,
        _epoch,
        _lsn,
        _seq,
        {{ commit_position() }} as _position,
        lead({{ commit_position() }}) over (partition by id order by _epoch, _lsn, _seq) as _next_position
    from source
)

select * from renamed
