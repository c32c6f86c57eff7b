{#-
    The rule of sessions: an event begins one when it is the first of its person or visitor (`whose`: columns), or when
    session_gap_minutes or more have passed since the one before. 1 or 0, so that a sum numbers the sessions.
-#}
{% macro starts_session(whose) -%}
    case
            when event_at < {{ later(
                'lag(event_at) over (partition by ' ~ whose ~ ' order by event_at, event_id)',
                var('session_gap_minutes'), 'minute'
            ) }} then 0
            else 1
        end
{%- endmacro %}

{#- Number of the session that an event belongs to, from 1, over a column is_start (starts_session). -#}
{% macro session_number(whose) -%}
    sum(is_start) over (
            partition by {{ whose }}
            order by event_at, event_id
            rows between unbounded preceding and current row
        )
{%- endmacro %}

{#-
    Whose visit a page view is: the device's, else the user's, else the call's own. `of` is put before the columns of the calls.
-#}
{% macro visitor_of(of='') -%}
    coalesce({{ real_id(of ~ 'anonymous_id') }}, {{ real_id(of ~ 'user_id') }}, {{ of }}event_id)
{%- endmacro %}

{#- Whether the login or the device of a call is one of a list, by id_kind and known_id, of those that lead to others. -#}
{% macro leads_elsewhere(concerned) -%}
    user_id in (select {{ concerned }}.known_id from {{ concerned }} where {{ concerned }}.id_kind = 'user')
    or anonymous_id in (select {{ concerned }}.known_id from {{ concerned }} where {{ concerned }}.id_kind = 'device')
{%- endmacro %}
