{#-
    Versions of a history that existed for some time: not deleted, softly or for good, and not followed by another one in the same
    transaction. What the first copy found was so since it was made: known_from.
-#}
{% macro living_versions(versions) -%}
    select
        *,
        case
            when is_left_censored then {{ least_known('created_at', 'valid_from') }}
            else valid_from
        end as known_from
    from {{ versions }}
    where
        not is_deleted
        and deleted_at is null
        and (valid_to is null or valid_to > valid_from)
{%- endmacro %}
