with

source as (select * from {{ source('flux', 'history_gaps') }}),

renamed as (
    select
        ---------- text and enums
        relation,
        reason,

        ---------- timestamps
        noticed_at,

        ---------- machinery
        epoch as _epoch,
        from_lsn as _from_lsn,
        to_lsn as _to_lsn
    from source
)

select * from renamed
