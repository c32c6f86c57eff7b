{#-
    In a from clause, behind a relation: each of its rows as often as a column says, numbered from 1 in a column of the given name. A row
    with NULL, or with less than 1, is left out.
-#}
{% macro repeated(count_column, number) -%}
    {{ return(adapter.dispatch('repeated', 'flux')(count_column, number)) }}
{%- endmacro %}

{% macro duckdb__repeated(count_column, number) -%}
    cross join unnest(generate_series(1, {{ count_column }})) as numbered ({{ number }})
{%- endmacro %}

{% macro postgres__repeated(count_column, number) -%}
    cross join generate_series(1, {{ count_column }}) as numbered ({{ number }})
{%- endmacro %}

{% macro bigquery__repeated(count_column, number) -%}
    cross join unnest(generate_array(1, {{ count_column }})) as {{ number }}
{%- endmacro %}

{% macro snowflake__repeated(count_column, number) -%}
    cross join table(flatten(input => array_generate_range(1, {{ count_column }} + 1)))
        as numbered (seq, key, path, index, {{ number }}, this)
{%- endmacro %}
