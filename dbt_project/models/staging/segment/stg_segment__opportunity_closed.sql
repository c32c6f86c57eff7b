with

source as (select * from {{ source('segment', 'opportunity_closed') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,
        {{ cast_or_null('opportunity_id', 'bigint') }} as opportunity_id,
        {{ cast_or_null('referrer_recommendation_id', 'bigint') }} as referrer_recommendation_id,

        ---------- text and enums
        surface,
        app_version,
        experiment_key,
        variant,
        kind as opportunity_kind,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
