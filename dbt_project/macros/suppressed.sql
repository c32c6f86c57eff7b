{#-
    A value of a cell of people, unless they are so few (under 5) that it could tell who they are: then NULL. For whatever leaves
    the schema `restricted`; it counts people, not decisions.
-#}
{% macro suppressed(value, is_suppressed) -%}
    case when not ({{ is_suppressed }}) then {{ value }} end
{%- endmacro %}

{#- Whether a cell is too small to be shown. -#}
{% macro is_small_cell(people) -%}
    {{ people }} < {{ var('least_people_per_cell') }}
{%- endmacro %}
