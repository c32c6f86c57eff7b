with

source as (select * from {{ source('app_history', 'recommendation_requests') }}),

renamed as (
    select
        ---------- ids
        id as request_id,
        client_id,
        member_id,

        ---------- timestamps
        requested_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
