{#-
    Point-in-time condition: the version was the newest one committed strictly before the other row's position.
    Both relations carry `_position`, the version also `_next_position` (see commit_position).
-#}
{% macro known_before(version, row) -%}
    {{ version }}._position < {{ row }}._position
    and ({{ version }}._next_position is null or {{ version }}._next_position >= {{ row }}._position)
{%- endmacro %}
