{#-
    A column that moves with the cut alone, set on all rows that it moves on; for a pre-hook, so before the rows of changed keys. `told`
    is the model's relation; `joined` names a model that the value needs, `on` how.
-#}
{% macro moves(column, value, among='true', joined=none, on='true') -%}
    {%- set other = ref(joined) if joined else none -%}
    {%- if is_incremental() -%}
    update {{ this }} as told
    set {{ column }} = {{ value }}
    {%- if other %}
    from {{ other }} as {{ joined }}
    {%- endif %}
    where {{ on }} and {{ among }} and told.{{ column }} is distinct from {{ value }}
    {%- endif -%}
{%- endmacro %}
