with

source as (select * from {{ source('app_history', 'opportunity_skills') }}),

renamed as (
    select
        ---------- ids
        opportunity_id,
        skill_id,
        client_id,

        ---------- numbers
        cast(importance as integer) as importance,
        cast(min_level as integer) as min_level,

        ---------- booleans
        is_required,

        ---------- validity, half-open
        _op in ('delete', 'truncate') as is_deleted,
        _op = 'snapshot' as is_left_censored,
        _commit_at as valid_from,
        lead(_commit_at) over (partition by opportunity_id, skill_id order by _epoch, _lsn, _seq) as valid_to,

        ---------- machinery
        _op,
        _epoch,
        _lsn,
        _seq,
        {{ commit_position() }} as _position,
        lead({{ commit_position() }}) over (
            partition by opportunity_id, skill_id order by _epoch, _lsn, _seq
        ) as _next_position
    from source
)

select * from renamed
