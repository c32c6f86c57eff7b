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

{#-
    Whether a cell is the smallest of those shown in a group in which a single one is hidden, which could else be had from the sum of the
    others. `hidden` is a column of truth values, `grouped_by` the columns of the group; needs member_count and category.
-#}
{% macro is_next_to_a_lone(hidden, grouped_by) -%}
    (
            count(case when {{ hidden }} then 1 end) over (partition by {{ grouped_by }}) = 1
            and row_number() over (
                partition by {{ grouped_by }}
                order by case when {{ hidden }} then 1 else 0 end, member_count, category
            ) = 1
        )
{%- endmacro %}
