{#- Order of a kind of stage: applied 1 to hired 6. -#}
{% macro stage_rank(stage_kind) -%}
    case {{ stage_kind }}
        {%- for kind in var('stage_kinds') %}
        when '{{ kind }}' then {{ loop.index }}
        {%- endfor %}
    end
{%- endmacro %}

{#- Kind of stage of a rank; the inverse of stage_rank. -#}
{% macro stage_kind_of(stage_rank) -%}
    case {{ stage_rank }}
        {%- for kind in var('stage_kinds') %}
        when {{ loop.index }} then '{{ kind }}'
        {%- endfor %}
    end
{%- endmacro %}
