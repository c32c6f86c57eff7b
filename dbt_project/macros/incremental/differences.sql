{#-
    A table that tells what changed of itself (strategy `differences`), for what is made of long stretches of the past and moves little: it
    is reckoned whole in each build, and rows that differ from those told last are added under the next `told_number`; what is no longer
    there is told as gone. Nothing is ever changed or deleted, so it is a feed like a history (feeds.sql), and what is large and made of
    it can be kept, whatever it was that moved a row.
-#}

{#-
    All of `rows` in a full build; else those that differ from what was told last. None of `keys` may be NULL; of rows that are gone the
    `counts` are 0 and the other `values` NULL.
-#}
{% macro told_differences(rows, keys, counts=[], values=[]) -%}
    {%- set told_columns = keys + counts + values -%}
    select
        {%- if is_incremental() %}
        {%- for key in keys %}
        coalesce({{ rows }}.{{ key }}, told.{{ key }}) as {{ key }},
        {%- endfor %}
        {%- for count in counts %}
        coalesce({{ rows }}.{{ count }}, 0) as {{ count }},
        {%- endfor %}
        {%- for value in values %}
        {{ rows }}.{{ value }},
        {%- endfor %}
        {{ rows }}.{{ keys[0] }} is null as is_gone,
        (select max(numbers.told_number) + 1 from {{ this }} as numbers) as told_number
    from {{ rows }}
    full outer join ({{ told_now(this, keys) }}) as told
        on
            {% for key in keys -%}
            {{ rows }}.{{ key }} = told.{{ key }}{% if not loop.last %}
            and {% endif %}
            {%- endfor %}
    where
        {{ rows }}.{{ keys[0] }} is null
        or told.{{ keys[0] }} is null
        {%- for column in counts + values %}
        or {{ rows }}.{{ column }} is distinct from told.{{ column }}
        {%- endfor %}
        {%- else %}
        {%- for column in told_columns %}
        {{ column }},
        {%- endfor %}
        false as is_gone,
        -- Above all numbers of before: who read those must not take these for read.
        (select max(cuts.cut_id) * 1000000 from {{ ref('int_current_cut') }} as cuts) as told_number
    from {{ rows }}
        {%- endif %}
{%- endmacro %}

{#- What such a table holds now: of each key the row told last, unless it is gone. -#}
{% macro told_now(relation, keys) -%}
    select *
    from (
        select
            told_ever.*,
            row_number() over (partition by {{ keys | join(', ') }} order by told_number desc) as newness
        from {{ relation }} as told_ever
    ) as ranked
    where newness = 1 and not is_gone
{%- endmacro %}

{% macro get_incremental_differences_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) -%}
    insert into {{ arg_dict.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arg_dict.temp_relation }}
{%- endmacro %}

{% macro tells_differences(node) -%}
    {{ return(node.config.incremental_strategy == 'differences') }}
{%- endmacro %}
