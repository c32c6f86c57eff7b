-- A table, so that every model of a build sees the same cut even when a newer one is recorded meanwhile.
{{ config(materialized='table') }}

with

cuts as (select * from {{ ref('stg_flux__cuts') }}),

clock as (select * from {{ ref('stg_flux__clock') }}),

-- Commit times make a clock that is never behind them: one that begins behind them is told by a column.
oldest_times as (      -- one row at most
    select clock_at < commit_at as is_time_told
    from clock
    order by clock_at, commit_at
    limit 1
),

current_cut as (
    select
        *,
        coalesce((select oldest_times.is_time_told from oldest_times), false) as is_time_told
    from cuts
    order by cut_id desc
    limit 1
)

select * from current_cut
