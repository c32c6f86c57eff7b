with

source_rows as (select * from {{ source('segment', 'application_submitted') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,
        {{ cast_or_null('application_id', 'bigint') }} as application_id,
        {{ cast_or_null('opportunity_id', 'bigint') }} as opportunity_id,
        {{ cast_or_null('recommendation_id', 'bigint') }} as recommendation_id,

        ---------- text and enums
        surface,
        app_version,
        experiment_key,
        variant,
        source,
        step,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source_rows
)

select * from renamed
