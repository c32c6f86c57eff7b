with

source as (select * from {{ source('segment', 'search_result_clicked') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,
        {{ cast_or_null('opportunity_id', 'bigint') }} as opportunity_id,

        ---------- text and enums
        surface,
        app_version,
        experiment_key,
        variant,
        query_hash,

        ---------- numbers
        {{ cast_or_null('position', 'bigint') }} as position,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
