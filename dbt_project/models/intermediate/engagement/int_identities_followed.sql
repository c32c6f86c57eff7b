{{
    config(
        materialized=kept(),
        incremental_strategy='differences',
        on_schema_change='fail'
    )
}}

with

identities as (select * from {{ ref('int_identity_map') }}),

ids as (
    select
        id_kind,
        known_id,
        user_id,
        client_id
    from identities
    where source = 'default'
),

told as (
    {{ told_differences('ids', ['id_kind', 'known_id'], values=['user_id', 'client_id']) }}
)

select * from told
