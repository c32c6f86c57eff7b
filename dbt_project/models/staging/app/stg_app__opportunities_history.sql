with

source as (select * from {{ source('app_history', 'opportunities') }}),

renamed as (
    select
        ---------- ids
        id as opportunity_id,
        client_id,
        org_unit_id,
        location_id,
        job_architecture_id,
        hiring_manager_id,
        recruiter_id as recruiter_user_id,

        ---------- text and enums
        kind as opportunity_kind,
        title,
        status,
        trim(budget_currency) as budget_currency,
        requisition_code,
        close_reason,

        ---------- numbers
        cast(openings as integer) as openings,
        hours_per_week,
        budget_amount,

        ---------- dates
        starts_on,
        ends_on,

        ---------- timestamps
        approved_at,
        opened_at,
        filled_at,
        closed_at,
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
