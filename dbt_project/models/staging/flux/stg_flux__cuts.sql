with

source as (select * from {{ source('flux', 'cuts') }}),

renamed as (
    select
        ---------- ids
        cut_id,

        ---------- timestamps
        clock_at as cut_at,
        commit_at,
        made_at,

        ---------- machinery
        epoch as _epoch,
        lsn as _lsn,
        event_segment,
        event_offset
    from source
)

select * from renamed
