with

source as (select * from {{ source('segment', 'search_performed') }}),

renamed as (
    select
        ---------- ids
        id as event_id,
        user_id,
        anonymous_id,
        {{ cast_or_null('client_id', 'bigint') }} as client_id,

        ---------- text and enums
        surface,
        app_version,
        experiment_key,
        variant,
        query_hash,

        ---------- lists and documents
        filters,

        ---------- numbers
        {{ cast_or_null('result_count', 'bigint') }} as result_count,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
