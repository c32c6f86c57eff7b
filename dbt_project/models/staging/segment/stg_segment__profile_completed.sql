with

source as (select * from {{ source('segment', 'profile_completed') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,
        {{ cast_or_null('member_id', 'bigint') }} as member_id,

        ---------- text and enums
        surface,
        app_version,
        experiment_key,
        variant,

        ---------- numbers
        {{ cast_or_null('completeness', 'double precision') }} as completeness,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
