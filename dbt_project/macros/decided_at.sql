{#- When an application was hired, rejected or withdrawn; NULL while it is open. `of` is put before the product's columns. -#}
{% macro decided_at(of='') -%}
    case {{ of }}status
            when 'hired' then {{ of }}hired_at
            when 'rejected' then {{ of }}rejected_at
            when 'withdrawn' then {{ of }}withdrawn_at
        end
{%- endmacro %}
