{{
    config(
        materialized='incremental',
        incremental_strategy=replace_by_key(),
        unique_key='edge_id',
        on_schema_change='fail'
    )
}}

with

identifies as (select * from {{ ref('stg_segment__identifies') }}),

aliases as (select * from {{ ref('stg_segment__aliases') }}),

calls as (      -- one row per call that names a user
    select
        anonymous_id as known_id,
        user_id,
        client_id,
        false as is_alias,
        event_at,
        loaded_at
    from identifies
    where user_id is not null
    union all
    select
        previous_id as known_id,
        user_id,
        cast(null as bigint) as client_id,
        true as is_alias,
        event_at,
        loaded_at
    from aliases
    where user_id is not null
),

keyed as (
    select
        {{ surrogate_key(["'default'", 'known_id', 'user_id', 'client_id', 'is_alias']) }} as edge_id,
        *
    from calls
    {% if is_incremental() -%}
    -- An hour again, should the loader's clock have been set back; what is counted twice changes nothing.
    where
        loaded_at >= (
            select
                coalesce(
                    {{ earlier('max(noted.loaded_at)', 1, 'hour') }},
                    cast('1970-01-01 00:00:00+00' as {{ type_name('timestamptz') }})
                )
            from {{ this }} as noted
        )
    {%- endif %}
),

observed as (
    select
        edge_id,
        known_id,
        user_id,
        client_id,
        is_alias,
        event_at as first_seen_at,
        event_at as last_seen_at,
        loaded_at
    from keyed
    {% if is_incremental() -%}
    union all
    select
        edge_id,
        known_id,
        user_id,
        client_id,
        is_alias,
        first_seen_at,
        last_seen_at,
        loaded_at
    from {{ this }}
    where edge_id in (select keyed.edge_id from keyed)
    {%- endif %}
),

edges as (
    select
        edge_id,
        'default' as source,
        known_id,
        user_id,
        client_id,
        is_alias,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        max(loaded_at) as loaded_at
    from observed
    group by edge_id, known_id, user_id, client_id, is_alias
)

select * from edges
