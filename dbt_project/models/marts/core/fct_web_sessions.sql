with

visits as (select * from {{ ref('int_web_visits') }}),

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
