{#-
    Rows of a history as their first transaction left them, with the time when they became known: what was edited, moved or deleted later is
    told as it was then. `key` names the columns of the table's key, `event_at` the column that says when it happened. A row of
    the first copy may be older than the log: it counts as known when it happened.
-#}
{% macro as_first_committed(versions, key, event_at) -%}
    select
        *,
        case
            when is_left_censored then {{ least_known(event_at, 'valid_from') }}
            else valid_from
        end as known_at
    from (
        select
            *,
            row_number() over (partition by {{ key }} order by _position) as version_number
        from {{ versions }}
        where not is_deleted and (_next_position is null or _next_position > _position)
    ) as committed
    where version_number <= 1
{%- endmacro %}
