with

source as (select * from {{ source('app_history', 'match_impressions') }}),

renamed as (
    select
        ---------- ids
        id as impression_id,
        recommendation_id,
        client_id,
        member_id,
        opportunity_id,

        ---------- text and enums
        channel,

        ---------- numbers
        cast(position as integer) as position,
        viewport_ms,

        ---------- timestamps
        shown_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
