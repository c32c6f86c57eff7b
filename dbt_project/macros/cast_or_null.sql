{#- A cast of values that anybody may have sent: what does not fit becomes NULL. On Postgres that takes version 16. -#}
{% macro cast_or_null(column, type) -%}
    {{ return(adapter.dispatch('cast_or_null', 'flux')(column, type)) }}
{%- endmacro %}

{% macro duckdb__cast_or_null(column, type) -%}
    try_cast({{ column }} as {{ type }})
{%- endmacro %}

{% macro postgres__cast_or_null(column, type) -%}
    case
        when pg_input_is_valid(cast({{ column }} as text), '{{ type }}')
            then cast(cast({{ column }} as text) as {{ type }})
    end
{%- endmacro %}
