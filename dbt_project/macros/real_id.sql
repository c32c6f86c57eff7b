{#-
    An id as a call carried it; NULL when it is a placeholder that some code sends where it has no id. Such an id would make one person
    of all who ever had it. Sources: Segment's suggested blocked values (zeroes and dashes, -1, null, anonymous) and the ids that
    PostHog refuses to merge; the list is the variable identity_placeholders.

    Real ids are long, so most are told by their length. Short ones are looked for in one text: DuckDB makes a join of a long `in`, and meets
    each row with it (a third of the time of fct_events).
-#}
{% macro real_id(column) -%}
    {%- set placeholders = var('identity_placeholders') -%}
    {%- set listed = '|' ~ placeholders | join('|') ~ '|' -%}
    case
        -- empty, or zeroes and dashes only, such as the UUID of zeroes
        when rtrim({{ column }}, ' 0-') = '' then null
        when length(trim({{ column }})) > {{ placeholders | map('length') | max }} then {{ column }}
        when
            replace('{{ listed }}', '|' || lower(trim({{ column }})) || '|', '') <> '{{ listed }}'
            and {{ column }} not like '%|%'
            then null
        else {{ column }}
    end
{%- endmacro %}
