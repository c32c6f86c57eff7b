with

source as (select * from {{ source('flux', 'clock') }}),

renamed as (
    select
        ---------- timestamps
        commit_at,
        clock_at,

        ---------- machinery
        _epoch,
        _lsn,
        {{ commit_position() }} as _position
    from source
)

select * from renamed
