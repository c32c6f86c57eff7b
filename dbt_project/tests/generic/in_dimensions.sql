{#-
    Each key is NULL or a row of its dimension, one node for all keys. By column: {manager_id: dim_member} is looked up in member_id of
    dim_member; {recommendation_id: fct_recommendations.recommendation_id} names another column.
-#}
{% test in_dimensions(model, keys) %}

with facts as (select * from {{ checked_rows(model) }})

{% for column, place in keys.items() %}
{%- set dimension = place.split('.')[0] -%}
{%- set key = place.split('.')[1] if '.' in place else dimension.removeprefix('dim_') ~ '_id' -%}
select
    '{{ column }}' as key_column,
    count(*) as row_count
from facts
where
    facts.{{ column }} is not null
    and not exists (
        select 1
        from {{ ref(dimension) }} as dimension
        where dimension.{{ key }} = facts.{{ column }}
    )
having count(*) > 0
{% if not loop.last %}union all{% endif %}
{% endfor %}

{% endtest %}
