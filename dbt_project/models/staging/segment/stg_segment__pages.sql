with

source as (select * from {{ source('segment', 'pages') }}),

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
        name as page_name,
        url,
        path,
        search as query,
        title,
        referrer,
        context_campaign_source as utm_source,
        context_campaign_medium as utm_medium,
        context_campaign_name as utm_campaign,
        context_campaign_term as utm_term,
        context_campaign_content as utm_content,
        context_user_agent as user_agent,

        ---------- timestamps
        timestamp as event_at,
        received_at,
        uuid_ts as loaded_at
    from source
)

select * from renamed
