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

{% macro bigquery__cast_or_null(column, type) -%}
    {%- set text = 'cast(' ~ column ~ ' as string)' -%}
    {%- if type == 'uuid' -%}
        {{ uuid_or_null(text) }}
    {%- else -%}
        safe_cast({{ text }} as {{ type_name(type) }})
    {%- endif -%}
{%- endmacro %}

{% macro snowflake__cast_or_null(column, type) -%}
    {%- set text = 'cast(' ~ column ~ ' as text)' -%}
    {%- if type == 'uuid' -%}
        {{ uuid_or_null(text) }}
    {%- else -%}
        try_cast({{ text }} as {{ type_name(type) }})
    {%- endif -%}
{%- endmacro %}

{#- Where no type checks it: the form, in lower case. -#}
{% macro uuid_or_null(text) -%}
    {%- set form = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' -%}
    case when {{ matches('lower(' ~ text ~ ')', form) }} then lower({{ text }}) end
{%- endmacro %}
