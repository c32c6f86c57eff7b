with

source as (select * from {{ source('app', 'match_feedback') }}),

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
        reason_code,
        comment,

        ---------- timestamps
        created_at
    from source
)

select * from renamed
