with

source_rows as (select * from {{ source('app_history', 'applications') }}),

renamed as (
    select
        ---------- ids
        id as application_id,
        client_id,
        member_id,
        opportunity_id,
        recommendation_id,
        current_stage_id,
        reject_reason_id,

        ---------- text and enums
        source,
        status,

        ---------- timestamps
        applied_at,
        hired_at,
        rejected_at,
        withdrawn_at,
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
    from source_rows
)

select * from renamed
