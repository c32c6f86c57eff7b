with

source as (select * from {{ source('app_history', 'recommendation_requests') }}),

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

        ---------- numbers
        candidate_count,

        ---------- timestamps
        requested_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
