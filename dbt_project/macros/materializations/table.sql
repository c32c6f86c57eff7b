{#-
    A table on DuckDB, replaced in one transaction; with a contract its columns are checked and typed by the YAML. See view.sql for
    why the built-in way is not taken.
-#}
{% materialization table, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- do drop_other_kind(target_relation) -%}

    {{ run_hooks(pre_hooks) }}

    {% call statement('main') -%}
        {{ replaced_table(target_relation, sql) }}
    {%- endcall %}

    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro replaced_table(target_relation, sql) %}
    {%- if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(sql) }}
        create or replace table {{ target_relation }}
        {{ get_table_columns_and_constraints() }};
        insert into {{ target_relation }} (
            {{ get_select_subquery(sql) }}
        );
    {%- else %}
        create or replace table {{ target_relation }} as (
            {{ sql }}
        );
    {%- endif %}
{% endmacro %}
