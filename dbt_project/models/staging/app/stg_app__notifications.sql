with

source as (select * from {{ source('app', 'notifications') }}),

renamed as (
    select
        ---------- ids
        id as notification_id,
        client_id,
        member_id,

        ---------- text and enums
        channel,
        template,

        ---------- lists and documents
        payload,

        ---------- booleans
        bounced as is_bounced,

        ---------- timestamps
        queued_at,
        sent_at,
        opened_at,
        clicked_at
    from source
)

select * from renamed
