{#- Not 'fail', as elsewhere: in a temporary table of Postgres numeric(4,1) is numeric, another type. -#}
{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='opportunity_id',
        on_schema_change='append_new_columns'
    )
}}

with

every_version as (select * from {{ ref('int_opportunities_versioned') }}),

changed as (select * from {{ ref('int_opportunities_changed') }}),

versions as (      -- those to be told again; all in a full build
    {{ to_be_told('every_version', 'opportunity_id') }}
)

select * from versions
