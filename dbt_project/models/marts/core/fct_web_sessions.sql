with

pages as (select * from {{ ref('int_page_views') }}),

places as (select * from {{ ref('int_page_views_sessionized') }}),

views as (      -- one row per page view, with its place in the visit
    select
        pages.*,
        places.visit_number,
        places.is_start,
        places.is_end,
        places.known_pages_to_go
    from pages
    inner join places on pages.event_id = places.event_id
),

visits as (
    select
        {{ surrogate_key(['visitor_id', 'client_id', moment_text('min(event_at)')]) }} as session_id,
        client_id,
        visitor_id,
        max(case when known_pages_to_go = 1 then user_id end) as user_id,
        {% for name in ['url', 'host', 'path', 'query'] -%}
        max(case when is_start = 1 then {{ name }} end) as first_page_{{ name }},
        {% endfor -%}
        {% for name in ['url', 'host', 'path', 'query'] -%}
        max(case when is_end = 1 then {{ name }} end) as last_page_{{ name }},
        {% endfor -%}
        {% for name in [
            'referrer', 'referrer_host', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content',
            'gclid', 'device_category'
        ] -%}
        max(case when is_start = 1 then {{ name }} end) as {{ name }},
        {% endfor -%}
        cast(count(*) as integer) as page_count,
        cast(count(distinct user_id) as integer) as user_count,
        {{ seconds_between('min(event_at)', 'max(event_at)') }} as duration_seconds,
        max(case when is_bot then 1 else 0 end) = 1 as is_bot,
        min(event_at) as started_at,
        max(event_at) as ended_at
    from views
    group by visitor_id, client_id, visit_number
),

numbered as (      -- apart, since a window sorts all that it carries
    select
        session_id,
        row_number() over (
            partition by coalesce(user_id, visitor_id)
            order by started_at, session_id
        ) as session_number
    from visits
),

final as (
    select
        visits.session_id,
        visits.client_id,
        coalesce(visits.user_id, visits.visitor_id) as blended_user_id,
        visits.user_id,
        visits.visitor_id,
        {% for name in ['url', 'host', 'path', 'query'] -%}
        visits.first_page_{{ name }},
        {% endfor -%}
        {% for name in ['url', 'host', 'path', 'query'] -%}
        visits.last_page_{{ name }},
        {% endfor -%}
        visits.referrer,
        visits.referrer_host,
        visits.utm_source,
        visits.utm_medium,
        visits.utm_campaign,
        visits.utm_term,
        visits.utm_content,
        visits.gclid,
        visits.device_category,
        cast(numbered.session_number as integer) as session_number,
        visits.page_count,
        visits.user_count,
        visits.duration_seconds,
        visits.is_bot,
        visits.started_at,
        visits.ended_at
    from visits
    inner join numbered on visits.session_id = numbered.session_id
)

select * from final
