{#-
    Columns that move with the cut alone: no source row changes, and the value does. Kept facts set them in place at each build
    (macro moves), so each stands here once, for the query and for that.
-#}

{#- Whether clicks of an impression are all known: web events were collected when it was shown, and the window has passed. -#}
{% macro is_click_mature(shown_at, tracked_from) -%}
    coalesce(
            {{ shown_at }} >= {{ tracked_from }}
            and {{ shown_at }} <= {{ cut_before(var('click_window_hours'), 'hour') }},
            false
        )
{%- endmacro %}

{#- It moves in two facts of impressions, by the same two columns. -#}
{% macro clicks_mature() -%}
    {{ moves(
        'is_click_mature', is_click_mature('told.shown_at', 'int_tracking_starts.tracked_from'),
        joined='int_tracking_starts', on='told.client_id = int_tracking_starts.client_id'
    ) }}
{%- endmacro %}

{#- Whether the window after the first sight has passed; false for what was not seen. -#}
{% macro is_acceptance_mature(first_viewed_at) -%}
    coalesce(
            {{ first_viewed_at }} <= {{ cut_before(var('acceptance_window_days'), 'day') }},
            false
        )
{%- endmacro %}

{#- Days from the application to a moment, in the calendar of the client. -#}
{% macro days_open(applied_on, until, time_zone) -%}
    cast({{ days_between(applied_on, tenant_day(until, time_zone)) }} as integer)
{%- endmacro %}

{#- Days of 24 hours, with fractions. -#}
{% macro days_in_stage(entered_at, until) -%}
    {{ seconds_between(entered_at, until) }} / 86400
{%- endmacro %}

{#- Whether a click on an example would be known by now: web events were collected when it was shown, and the window has passed. -#}
{% macro is_24h_ripe(anchored_at, known_from) -%}
    coalesce(
            {{ anchored_at }} >= {{ known_from }}
            and {{ anchored_at }} <= {{ cut_before(24, 'hour') }},
            false
        )
{%- endmacro %}

{#- Whether a window of so many days has passed for an example. -#}
{% macro is_ripe(anchored_at, days) -%}
    {{ anchored_at }} <= {{ cut_before(days, 'day') }}
{%- endmacro %}
