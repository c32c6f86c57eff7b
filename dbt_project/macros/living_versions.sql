{#-
    Versions of a history that existed for some time: not those that tell of a deletion, nor those that another one followed in the
    same transaction. What the first copy found was so since it was made: known_from. A soft deletion ends a version, also one
    that the first copy found: known_to.
-#}
{% macro living_versions(versions) -%}
    select *
    from (
        select
            *,
            case
                when is_left_censored then {{ least_known('created_at', 'valid_from') }}
                else valid_from
            end as known_from,
            {{ least_known('deleted_at', 'valid_to') }} as known_to
        from {{ versions }}
        where not is_deleted
    ) as known
    where known_to is null or known_to > known_from
{%- endmacro %}
