with

source as (select * from {{ source('app_history', 'job_architecture') }}),

renamed as (
    select
        ---------- ids
        id as job_architecture_id,
        client_id,

        ---------- text and enums
        family as job_family,
        title as job_title,
        trim(onet_soc_code) as onet_soc_code,

        ---------- numbers
        cast(level as integer) as level,

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
