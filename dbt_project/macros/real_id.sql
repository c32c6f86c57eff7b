{#-
    An id as a call carried it; NULL when it is a placeholder that some code sends where it has no id. Such an id would make one person
    of all who ever had it. Sources: Segment's suggested blocked values (zeroes and dashes, -1, null, anonymous) and the ids that
    PostHog refuses to merge; the list is the variable identity_placeholders.
-#}
{% macro real_id(column) -%}
    case
        when lower(trim({{ column }})) in (
            {%- for placeholder in var('identity_placeholders') -%}
            '{{ placeholder }}'{% if not loop.last %}, {% endif %}
            {%- endfor -%}
        ) then null
        -- empty, or zeroes and dashes only, such as the UUID of zeroes
        when replace(replace(trim({{ column }}), '0', ''), '-', '') = '' then null
        else {{ column }}
    end
{%- endmacro %}
