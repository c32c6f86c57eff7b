-- A table, so that every model of a build sees the same cut even when a newer one is recorded meanwhile.
{{ config(materialized='table') }}

with

cuts as (select * from {{ ref('stg_flux__cuts') }}),

current_cut as (
    select *
    from cuts
    order by cut_id desc
    limit 1
)

select * from current_cut
