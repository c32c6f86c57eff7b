{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='visitor_id',
        on_schema_change='fail'
    )
}}

with

every_page as (select * from {{ ref('stg_segment__pages') }}),

every_identity as (select * from {{ ref('int_identities_followed') }}),

changed as (select * from {{ ref('int_visitors_changed') }}),

pages as (      -- of the devices to be told again; all in a full build
    {{ to_be_told('every_page', 'event_id') }}
),

identities as (      -- as they are known now
    {{ told_now('every_identity', ['id_kind', 'known_id']) }}
),

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
        pages.event_id,
        {{ visitor_of('pages.') }} as visitor_id,
        {{ real_id('pages.anonymous_id') }} as anonymous_id,
        {{ real_id('pages.user_id') }} as user_id,
        pages.client_id,
        programs.device_category,
        coalesce(programs.is_bot, false) as is_bot,
        pages.event_at
    from pages
    left join programs on pages.user_agent = programs.user_agent
),

-- Without the page's own columns: each window sorts all that it carries.
stitched as (      -- one row per page view, with the person whose it is
    select
        views.event_id,
        views.visitor_id,
        coalesce(logins.user_id, views.user_id, devices.user_id) as user_id,
        coalesce(views.client_id, logins.client_id, devices.client_id) as client_id,
        views.device_category,
        views.is_bot,
        views.event_at
    from views
    left join identities as logins
        on logins.id_kind = 'user' and views.user_id = logins.known_id
    left join identities as devices
        on devices.id_kind = 'device' and views.anonymous_id = devices.known_id
),

starts as (      -- the same, marked where a visit begins
    select
        *,
        {{ starts_session('visitor_id, client_id') }} as is_start
    from stitched
),

sessionized as (      -- with the number of the visit and marked where one ends
    select
        *,
        {{ session_number('visitor_id, client_id') }} as visit_number,
        coalesce(
            lead(is_start) over (partition by visitor_id, client_id order by event_at, event_id), 1
        ) as is_end
    from starts
),

placed as (      -- with the place among pages whose user is known, or is not, counted from the visit's end
    select
        *,
        row_number() over (
            partition by visitor_id, client_id, visit_number, user_id is null
            order by event_at desc, event_id desc
        ) as alike_to_go
    from sessionized
),

visits as (
    select
        {{ surrogate_key(['visitor_id', 'client_id', moment_text('min(event_at)')]) }} as session_id,
        client_id,
        visitor_id,
        max(case when user_id is not null and alike_to_go = 1 then user_id end) as user_id,
        max(case when is_start = 1 then event_id end) as first_event_id,
        max(case when is_end = 1 then event_id end) as last_event_id,
        max(case when is_start = 1 then device_category end) as device_category,
        cast(count(*) as integer) as page_count,
        cast(count(distinct user_id) as integer) as user_count,
        {{ seconds_between('min(event_at)', 'max(event_at)') }} as duration_seconds,
        max(case when is_bot then 1 else 0 end) = 1 as is_bot,
        min(event_at) as started_at,
        max(event_at) as ended_at
    from placed
    group by visitor_id, client_id, visit_number
),

final as (
    select
        visits.session_id,
        visits.client_id,
        visits.visitor_id,
        visits.user_id,
        {% for place in ['first', 'last'] -%}
        {{ place }}_pages.url as {{ place }}_page_url,
        {{ url_host(place ~ '_pages.url') }} as {{ place }}_page_host,
        {{ place }}_pages.path as {{ place }}_page_path,
        {{ place }}_pages.query as {{ place }}_page_query,
        {% endfor -%}
        first_pages.referrer,
        {{ url_host('first_pages.referrer') }} as referrer_host,
        first_pages.utm_source,
        first_pages.utm_medium,
        first_pages.utm_campaign,
        first_pages.utm_term,
        first_pages.utm_content,
        {{ url_parameter('first_pages.url', 'gclid') }} as gclid,
        visits.device_category,
        visits.page_count,
        visits.user_count,
        visits.duration_seconds,
        visits.is_bot,
        visits.started_at,
        visits.ended_at
    from visits
    inner join pages as first_pages on visits.first_event_id = first_pages.event_id
    inner join pages as last_pages on visits.last_event_id = last_pages.event_id
)

select * from final
