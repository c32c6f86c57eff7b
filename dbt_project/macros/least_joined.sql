{#-
    Common table expressions <name>_steps and <name>_walks: which ids a relation of links (source, known_id, user_id) joins, over any
    number of links. <name>_walks has each id with every id not greater that reaches it (least_id) through greater ones; the least of
    them all is the same for all that are joined, and so names them. Belongs under `with recursive`. Few ids have links at all: the
    cost is the sum over groups of the square of their size at worst, and the guards keep groups small.
-#}
{% macro least_joined(name, links) -%}
    {{ return(adapter.dispatch('least_joined', 'flux')(name, links)) }}
{%- endmacro %}

{% macro default__least_joined(name, links) -%}
{{ steps_of_links(name, links) }}

{{ name }}_walks as (
    select
        source,
        from_id as least_id,
        from_id as user_id
    from {{ name }}_steps
    union distinct
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

{% macro bigquery__least_joined(name, links) -%}
{{ walks_without_return(name, links) }}
{%- endmacro %}

{% macro snowflake__least_joined(name, links) -%}
{{ walks_without_return(name, links) }}
{%- endmacro %}

{#- Where a recursion may not leave out what it has already: each walk remembers its way, and ends where it would come back. -#}
{% macro walks_without_return(name, links) -%}
{{ steps_of_links(name, links) }}

{{ name }}_walks as (
    select
        source,
        from_id as least_id,
        from_id as user_id,
        cast({{ md5_of('from_id') }} as {{ type_name('text') }}) as way
    from {{ name }}_steps
    union all
    select
        walks.source,
        walks.least_id,
        steps.to_id as user_id,
        walks.way || {{ md5_of('steps.to_id') }} as way
    from {{ name }}_walks as walks
    inner join {{ name }}_steps as steps
        on
            walks.source = steps.source
            and walks.user_id = steps.from_id
            and walks.least_id < steps.to_id
    where replace(walks.way, {{ md5_of('steps.to_id') }}, '') = walks.way
)
{%- endmacro %}

{% macro steps_of_links(name, links) -%}
{{ name }}_steps as (
    select
        source,
        known_id as from_id,
        user_id as to_id
    from {{ links }}
    union distinct
    select
        source,
        user_id as from_id,
        known_id as to_id
    from {{ links }}
),
{%- endmacro %}
