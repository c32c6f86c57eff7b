with

views as (select * from {{ ref('int_page_views_sessionized') }}),

visits as (
    select
        {{ surrogate_key(['visitor_id', 'client_id', moment_text('min(event_at)')]) }} as session_id,
        client_id,
        visitor_id,
        max(case when known_pages_to_go = 1 then user_id end) as user_id,
        {% for name in ['url', 'host', 'path', 'query'] -%}
        max(case when page_number = 1 then {{ name }} end) as first_page_{{ name }},
        {% endfor -%}
        {% for name in ['url', 'host', 'path', 'query'] -%}
        max(case when pages_to_go = 1 then {{ name }} end) as last_page_{{ name }},
        {% endfor -%}
        {% for name in [
            'referrer', 'referrer_host', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content',
            'gclid', 'device_category'
        ] -%}
        max(case when page_number = 1 then {{ name }} end) as {{ name }},
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

final as (
    select
        session_id,
        client_id,
        coalesce(user_id, visitor_id) as blended_user_id,
        user_id,
        visitor_id,
        {% for name in ['url', 'host', 'path', 'query'] -%}
        first_page_{{ name }},
        {% endfor -%}
        {% for name in ['url', 'host', 'path', 'query'] -%}
        last_page_{{ name }},
        {% endfor -%}
        referrer,
        referrer_host,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_term,
        utm_content,
        gclid,
        device_category,
        cast(row_number() over (
            partition by coalesce(user_id, visitor_id)
            order by started_at, session_id
        ) as integer) as session_number,
        page_count,
        user_count,
        duration_seconds,
        is_bot,
        started_at,
        ended_at
    from visits
)

select * from final
