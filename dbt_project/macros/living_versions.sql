{#-
    Versions of a history that existed for some time: not those that tell of a deletion, nor those that another one followed in the
    same transaction. What the first copy found was so since it was made: known_from. A soft deletion ends a version, also one
    that the first copy found: known_to.

    `key` is that of the history, for versions of some keys alone: then ends are looked up among these, since those of staging are a window over
    the whole history, which no filter gets below.
-#}
{% macro living_versions(versions, key=none) -%}
    select *
    from (
        select
            *,
            case
                when is_left_censored then {{ least_known('created_at', 'valid_from') }}
                else valid_from
            end as known_from,
            {{ least_known('deleted_at', 'ended_at') }} as known_to
        from (
            select
                *,
                {{ 'valid_to' if key is none else
                    'lead(valid_from) over (partition by ' ~ key ~ ' order by _position, _seq)' }} as ended_at
            from {{ versions }}
        ) as ended
        where not is_deleted
    ) as known
    where known_to is null or known_to > known_from
{%- endmacro %}
