with

source as (select * from {{ source('segment', 'users') }}),

renamed as (
    select
        ---------- ids
        id as user_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,

        ---------- text and enums
        role,
        locale,

        ---------- timestamps
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
