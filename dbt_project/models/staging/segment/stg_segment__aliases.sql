with

source as (select * from {{ source('segment', 'aliases') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        previous_id,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
