{#-
    Common table expressions <name>_steps and <name>_walks: which ids a relation of links (source, known_id, user_id) joins, over any
    number of links. <name>_walks has each id with every id not greater that reaches it (least_id) through greater ones; the least of
    them all is the same for all that are joined, and so names them. Belongs under `with recursive`. Few ids have links at all: the
    cost is the sum over groups of the square of their size at worst, and the guards keep groups small.
-#}
{% macro least_joined(name, links) -%}
{{ name }}_steps as (
    select
        source,
        known_id as from_id,
        user_id as to_id
    from {{ links }}
    union
    select
        source,
        user_id as from_id,
        known_id as to_id
    from {{ links }}
),

{{ name }}_walks as (
    select
        source,
        from_id as least_id,
        from_id as user_id
    from {{ name }}_steps
    union
    select
        walks.source,
        walks.least_id,
        steps.to_id as user_id
    from {{ name }}_walks as walks
    inner join {{ name }}_steps as steps
        on
            walks.source = steps.source
            and walks.user_id = steps.from_id
            and walks.least_id < steps.to_id
)
{%- endmacro %}
