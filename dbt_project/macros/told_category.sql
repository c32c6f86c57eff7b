{#-
    A demographic answer as a category of the audit. NULL where it is unknown: not told, or told that it shall not be. Several
    answers in one ("White; Asian", "{White,Asian}"), or "Two or more races", are "Two or more"; a slash is part of one ("Black/African American").
-#}
{% macro told_category(answer) -%}
    case
        when {{ answer }} is null or trim({{ answer }}) in ('', '{}') then null
        when lower({{ answer }}) like 'prefer not%' or lower({{ answer }}) like 'declin%' then null
        when lower(trim({{ answer }})) in ('unknown', 'not specified', 'not disclosed') then null
        when {{ matches(answer, '[,;|]') }} or lower({{ answer }}) like 'two or more%' then 'Two or more'
        when lower(trim({{ answer }})) in ('female', 'f', 'woman') then 'Female'
        when lower(trim({{ answer }})) in ('male', 'm', 'man') then 'Male'
        else trim({{ answer }}, ' {}"')
    end
{%- endmacro %}
