with

source as (select * from {{ source('segment', 'groups') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,
        group_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,

        ---------- text and enums
        industry,
        plan,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
