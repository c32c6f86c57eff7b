with

source as (select * from {{ source('segment', 'screens') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,

        ---------- text and enums
        name as screen_name,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
