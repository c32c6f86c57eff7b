{#- The lesser of two values; one that is NULL does not count. (BigQuery and Snowflake would give NULL.) -#}
{% macro least_known(one, two) -%}
    {{ return(adapter.dispatch('least_known', 'flux')(one, two)) }}
{%- endmacro %}

{% macro default__least_known(one, two) -%}
    least({{ one }}, {{ two }})
{%- endmacro %}

{% macro bigquery__least_known(one, two) -%}
    least(coalesce({{ one }}, {{ two }}), coalesce({{ two }}, {{ one }}))
{%- endmacro %}

{% macro snowflake__least_known(one, two) -%}
    least(coalesce({{ one }}, {{ two }}), coalesce({{ two }}, {{ one }}))
{%- endmacro %}

{#- The greater of two values, likewise. -#}
{% macro greatest_known(one, two) -%}
    {{ return(adapter.dispatch('greatest_known', 'flux')(one, two)) }}
{%- endmacro %}

{% macro default__greatest_known(one, two) -%}
    greatest({{ one }}, {{ two }})
{%- endmacro %}

{% macro bigquery__greatest_known(one, two) -%}
    greatest(coalesce({{ one }}, {{ two }}), coalesce({{ two }}, {{ one }}))
{%- endmacro %}

{% macro snowflake__greatest_known(one, two) -%}
    greatest(coalesce({{ one }}, {{ two }}), coalesce({{ two }}, {{ one }}))
{%- endmacro %}
