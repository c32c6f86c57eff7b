{#-
    Stands before the bracket of a common table expression that is read several times and shall be computed in each place: DuckDB writes
    such a one out first, with all of its rows (`pit_join` reads its versions three times). Elsewhere nothing.

        versions as {{ not_materialized() }} (
-#}
{% macro not_materialized() -%}
    {{ return(adapter.dispatch('not_materialized', 'flux')()) }}
{%- endmacro %}

{% macro default__not_materialized() -%}
{%- endmacro %}

{% macro duckdb__not_materialized() -%}
    not materialized
{%- endmacro %}
