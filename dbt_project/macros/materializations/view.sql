{#-
    A view on DuckDB in one statement. The built-in way creates a second view, renames twice and drops one, through a fresh macro
    context each time; on a file with one owner nobody can see the difference. Measured 2026-11, 140 models and 178 tests, warm
    process: the sum of the nodes' times falls to the half. Drop this when dbt-duckdb replaces in place.
-#}
{% materialization view, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- do drop_other_kind(target_relation) -%}

    {{ run_hooks(pre_hooks) }}

    {% call statement('main') -%}
        {% if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(sql) }}
        {% endif %}
        create or replace view {{ target_relation }} as (
            {{ sql }}
        );
    {%- endcall %}

    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- Drop what stands at the relation's place when it is of another kind (a view that became a table). -#}
{% macro drop_other_kind(target_relation) %}
    {%- set existing_relation = load_cached_relation(target_relation) -%}
    {%- if existing_relation is not none and existing_relation.type != target_relation.type -%}
        {%- do adapter.drop_relation(existing_relation) -%}
    {%- endif -%}
{% endmacro %}
