{#-
    Rows of a history as their first transaction left them, with the time when they became known: what was edited, moved or deleted later is
    told as it was then. `key` names the column of the table's key, `event_at` the column that says when it happened. A row of
    the first copy may be older than the log: it counts as known when it happened.

    Nearly all of these rows are told once and never change. On DuckDB, which reads a common table expression by columns, only keys that come
    twice go through windows: sights of 3 million versions are told in half the time. (`<= 1`, since Postgres takes `= 1` for one row in two hundred
    and plans nested loops.)
-#}
{% macro as_first_committed(versions, key, event_at) -%}
    select
        *,
        case
            when is_left_censored then {{ least_known(event_at, 'valid_from') }}
            else valid_from
        end as known_at
    from (
        {%- if target.type == 'duckdb' %}
        select
            *,
            1 as place_from_last,
            1 as version_number
        from {{ versions }}
        where not is_deleted and {{ key }} not in ({{ told_again(versions, key) }})
        union all
        select
            *,
            row_number() over (partition by {{ key }} order by _position) as version_number
        from (
            select
                *,
                row_number() over (partition by {{ key }}, _position order by _seq desc) as place_from_last
            from {{ versions }}
            where {{ key }} in ({{ told_again(versions, key) }})
        ) as changed
        where place_from_last = 1 and not is_deleted
        {%- else %}
        select
            *,
            row_number() over (partition by {{ key }} order by _position) as version_number
        from {{ versions }}
        where not is_deleted and (_next_position is null or _next_position > _position)
        {%- endif %}
    ) as committed
    where version_number <= 1
{%- endmacro %}

{#- A query for the keys that a history has several versions of. -#}
{% macro told_again(versions, key) -%}
    select {{ key }} from {{ versions }} group by {{ key }} having count(*) > 1
{%- endmacro %}
