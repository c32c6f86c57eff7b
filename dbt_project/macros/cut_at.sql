{#-
    The data's now: time of the cut that this build runs on. Models use it instead of the clock of the machine, so that two marts
    never disagree about now and a build of last month's cut gives last month's numbers.
-#}
{% macro cut_at() -%}
    (select cut_at from {{ ref('int_current_cut') }})
{%- endmacro %}

{#- So long before it: a moment lies before that when it is so old. Reckoned once, and not for each row. -#}
{% macro cut_before(count, unit) -%}
    (select {{ earlier('cut_at', count, unit) }} from {{ ref('int_current_cut') }})
{%- endmacro %}
