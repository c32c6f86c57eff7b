{#-
    An incremental model on DuckDB, made anew or brought up to date in one transaction. What it has to tell is computed before anything is
    deleted, since it may read itself. See view.sql for why the built-in way is not taken; its checks of the schema are not needed either:
    a model whose code or contract changed is made anew (changed_keys.sql).
-#}
{% materialization incremental, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set goes_on = is_incremental() -%}
    {%- do drop_other_kind(target_relation) -%}

    {{ run_hooks(pre_hooks) }}

    {% call statement('main') -%}
        {%- if goes_on %}
        {%- set told = api.Relation.create(identifier=target_relation.identifier ~ '__told', type='table') -%}
        {%- set strategy = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy')) %}
        create or replace temp table {{ told }} as (
            {{ sql }}
        );
        {{ strategy({
            'target_relation': target_relation,
            'temp_relation': told,
            'unique_key': config.get('unique_key'),
            'dest_columns': adapter.get_columns_in_relation(target_relation),
            'incremental_predicates': none,
        }) }};
        drop table {{ told }};
        {%- else %}
        {{ replaced_table(target_relation, sql) }}
        {%- endif %}
    {%- endcall %}

    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
