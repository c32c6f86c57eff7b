{#-
    When an event of the web app was known: when it arrived. Where the product's time is told by a column (FLUX_CLOCK) the wall's time of
    arrival is on another clock than the data: there an event is known when it happened, as a transaction is when the column says.
-#}
{% macro event_known_at(events) -%}
    case
            when (select is_time_told from {{ ref('int_current_cut') }}) then {{ events }}.event_at
            else {{ events }}.received_at
        end
{%- endmacro %}
