with

source as (select * from {{ source('segment', 'recommendation_list_viewed') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,
        {{ cast_or_null('request_id', 'uuid') }} as request_id,

        ---------- text and enums
        surface,
        app_version,
        experiment_key,
        variant,
        channel,
        model_version,

        ---------- numbers
        {{ cast_or_null('list_size', 'bigint') }} as list_size,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
