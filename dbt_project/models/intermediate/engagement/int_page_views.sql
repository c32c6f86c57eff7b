with

pages as (select * from {{ ref('stg_segment__pages') }}),

identities as (select * from {{ ref('int_identity_map') }}),

programs as (      -- one row per distinct user agent: there are few
    select
        user_agent,
        {{ is_bot('user_agent') }} as is_bot,
        {{ device_category('user_agent') }} as device_category
    from pages
    where user_agent is not null
    group by user_agent
),

views as (
    select
        event_id,
        {{ real_id('anonymous_id') }} as anonymous_id,
        {{ real_id('user_id') }} as user_id,
        client_id,
        page_name,
        url,
        {{ url_host('url') }} as host,
        path,
        query,
        title,
        referrer,
        {{ url_host('referrer') }} as referrer_host,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_term,
        utm_content,
        {{ url_parameter('url', 'gclid') }} as gclid,
        user_agent,
        event_at
    from pages
),

final as (
    select
        views.event_id,
        coalesce(views.anonymous_id, views.user_id, views.event_id) as visitor_id,
        views.anonymous_id,
        coalesce(logins.user_id, views.user_id, devices.user_id) as user_id,
        coalesce(views.client_id, logins.client_id, devices.client_id) as client_id,
        views.page_name,
        views.url,
        views.host,
        views.path,
        views.query,
        views.title,
        views.referrer,
        views.referrer_host,
        views.utm_source,
        views.utm_medium,
        views.utm_campaign,
        views.utm_term,
        views.utm_content,
        views.gclid,
        programs.device_category,
        coalesce(programs.is_bot, false) as is_bot,
        views.event_at
    from views
    left join programs on views.user_agent = programs.user_agent
    left join identities as logins
        on logins.source = 'default' and logins.id_kind = 'user' and views.user_id = logins.known_id
    left join identities as devices
        on devices.source = 'default' and devices.id_kind = 'device' and views.anonymous_id = devices.known_id
)

select * from final
