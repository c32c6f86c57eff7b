with

source as (select * from {{ source('segment', 'notification_clicked') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,
        {{ cast_or_null('notification_id', 'bigint') }} as notification_id,

        ---------- text and enums
        surface,
        app_version,
        experiment_key,
        variant,
        channel,
        template,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
