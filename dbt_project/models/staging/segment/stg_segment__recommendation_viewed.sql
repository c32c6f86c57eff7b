with

source as (select * from {{ source('segment', 'recommendation_viewed') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,
        {{ cast_or_null('recommendation_id', 'bigint') }} as recommendation_id,
        {{ cast_or_null('request_id', 'uuid') }} as request_id,
        {{ cast_or_null('opportunity_id', 'bigint') }} as opportunity_id,

        ---------- text and enums
        surface,
        app_version,
        experiment_key,
        variant,
        score_bucket,

        ---------- numbers
        {{ cast_or_null('position', 'bigint') }} as position,
        {{ cast_or_null('visible_ms', 'bigint') }} as visible_ms,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
