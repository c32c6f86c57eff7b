with

source as (select * from {{ source('app_history', 'saved_items') }}),

renamed as (
    select
        ---------- ids
        id as saved_item_id,
        client_id,
        member_id,
        opportunity_id,
        recommendation_id,

        ---------- timestamps
        saved_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
