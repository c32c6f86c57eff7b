with

source as (select * from {{ source('app', 'recommendation_requests') }}),

renamed as (
    select
        ---------- ids
        id as request_id,
        client_id,
        member_id,
        model_version_id,

        ---------- text and enums
        channel,
        surface,
        experiment_key,
        variant,

        ---------- lists and documents
        context,

        ---------- numbers
        candidate_count,
        latency_ms,

        ---------- timestamps
        requested_at
    from source
)

select * from renamed
