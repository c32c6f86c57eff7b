{#-
    Rows of a table with a contract come in the order of its config `cluster_by`, as warehouses with clustering see to by themselves.
    DuckDB keeps the least and greatest value of each 122,880 rows: who asks for one client and some weeks then reads these rows alone,
    else those of all clients. What later increments bring lies behind, until the next full refresh.
-#}
{% macro duckdb__get_select_subquery(sql) %}
    {{- default__get_select_subquery(sql) }}
    {% if config.get('cluster_by') -%}
    order by {{ config.get('cluster_by') | join(', ') }}
    {%- endif %}
{% endmacro %}
