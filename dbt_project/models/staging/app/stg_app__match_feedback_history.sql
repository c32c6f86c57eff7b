with

source as (select * from {{ source('app_history', 'match_feedback') }}),

renamed as (
    select
        ---------- ids
        id as feedback_id,
        recommendation_id,
        client_id,
        member_id,
        opportunity_id,

        ---------- text and enums
        kind as feedback_kind,

        ---------- timestamps
        created_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
