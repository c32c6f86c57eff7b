with

source_rows as (select * from {{ source('segment', 'skill_endorsed') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,
        {{ cast_or_null('skill_id', 'bigint') }} as skill_id,

        ---------- text and enums
        surface,
        app_version,
        experiment_key,
        variant,
        source,

        ---------- numbers
        {{ cast_or_null('level', 'bigint') }} as level,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source_rows
)

select * from renamed
