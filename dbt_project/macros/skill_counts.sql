{#- Levels of a skill. -#}
{% macro skill_levels() -%}
    {{ return(range(1, 6)) }}
{%- endmacro %}

{#- Counts of a skill's supply and demand: how they change (int_skill_supply_changes), and what they come to by day. -#}
{% macro skill_counts() -%}
    {%- set counts = ['opportunity_count', 'seat_count', 'weighted_seats_times_5', 'levels_times_seats', 'holder_count'] -%}
    {%- for level in skill_levels() -%}
        {%- do counts.append('holder_count_' ~ level) -%}  {#- at it or above -#}
    {%- endfor -%}
    {{ return(counts) }}
{%- endmacro %}
