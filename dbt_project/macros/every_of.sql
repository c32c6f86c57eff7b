{#- Whether a condition holds for every row of a group, or for any; NULLs do not count, and of them alone it is NULL. -#}
{% macro every_of(condition) -%}
    {{ return(adapter.dispatch('every_of', 'flux')(condition)) }}
{%- endmacro %}

{% macro default__every_of(condition) -%}
    bool_and({{ condition }})
{%- endmacro %}

{% macro bigquery__every_of(condition) -%}
    logical_and({{ condition }})
{%- endmacro %}

{% macro snowflake__every_of(condition) -%}
    booland_agg({{ condition }})
{%- endmacro %}

{% macro any_of(condition) -%}
    {{ return(adapter.dispatch('any_of', 'flux')(condition)) }}
{%- endmacro %}

{% macro default__any_of(condition) -%}
    bool_or({{ condition }})
{%- endmacro %}

{% macro bigquery__any_of(condition) -%}
    logical_or({{ condition }})
{%- endmacro %}

{% macro snowflake__any_of(condition) -%}
    boolor_agg({{ condition }})
{%- endmacro %}
