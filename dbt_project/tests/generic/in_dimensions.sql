{#- Each key is NULL or a row of its dimension; keys by column, as {member_id: dim_member}. One node for all keys. -#}
{% test in_dimensions(model, keys) %}

{% for column, dimension in keys.items() %}
select
    '{{ column }}' as key_column,
    count(*) as row_count
from {{ model }} as facts
where
    facts.{{ column }} is not null
    and not exists (
        select 1
        from {{ ref(dimension) }} as dimension
        where dimension.{{ dimension.removeprefix('dim_') }}_id = facts.{{ column }}
    )
having count(*) > 0
{% if not loop.last %}union all{% endif %}
{% endfor %}

{% endtest %}
