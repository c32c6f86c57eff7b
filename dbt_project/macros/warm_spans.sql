{#-
    Spans of time in which a key was seen at least once in so many `days`: one row per key and span, with the first and the last moment at
    which a sight of it became known. Something of the key was known in the days before a moment when a span has begun before it and ended
    no longer ago; spans lie further apart than that, so one at most does. There are few: whoever asks of a million rows sorts none of them.

    Sights of a day count as one, which is no more than that apart.
-#}
{% macro warm_spans(sights, key, days) -%}
    select
        {{ key }},
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from (
        select
            *,
            sum(is_begin) over (
                partition by {{ key }}
                order by known_on
                rows between unbounded preceding and current row
            ) as span
        from (
            select
                *,
                case
                    when lag(last_seen_at) over (partition by {{ key }} order by known_on)
                        >= {{ earlier('first_seen_at', days, 'day') }}
                        then 0
                    else 1
                end as is_begin
            from (
                select
                    {{ key }},
                    {{ utc_day('known_at') }} as known_on,
                    min(known_at) as first_seen_at,
                    max(known_at) as last_seen_at
                from {{ sights }}
                group by {{ key }}, {{ utc_day('known_at') }}
            ) as days_seen
        ) as begun
    ) as numbered
    group by {{ key }}, span
{%- endmacro %}
