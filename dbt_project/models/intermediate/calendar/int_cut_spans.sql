{{ config(materialized='table') }}

with

cuts as (select * from {{ ref('stg_flux__cuts') }}),

transactions as (select * from {{ ref('stg_flux__clock') }}),

newest as (      -- one row in all: what the newest cut says
    select max(made_at) as made_at
    from cuts
),

places as (      -- one row per transaction and per cut of the last days, which holds what comes up to it
    select
        cast(null as bigint) as cut_id,
        cast(null as {{ type_name('timestamptz') }}) as made_at,
        transactions._position,
        0 as is_cut,
        transactions.commit_at
    from transactions
    cross join newest
    where transactions.commit_at >= {{ earlier('newest.made_at', var('freshness_budget_days'), 'day') }}
    union all
    select
        cuts.cut_id,
        cuts.made_at,
        {{ commit_position('cuts._epoch', 'cuts._lsn') }} as _position,
        1 as is_cut,
        cast(null as {{ type_name('timestamptz') }}) as commit_at
    from cuts
    cross join newest
    where
        cuts._lsn is not null
        and cuts.made_at >= {{ earlier('newest.made_at', var('freshness_budget_days'), 'day') }}
),

placed as (      -- from the end, since Postgres starts a sum anew where the beginning of its frame moves
    select
        *,
        min(commit_at) over (
            order by _position desc, is_cut desc, cut_id desc
            rows between unbounded preceding and 1 preceding
        ) as first_missed_at
    from places
),

spans as (      -- one row per cut
    select
        cut_id,
        made_at as read_from,
        lead(made_at) over (order by cut_id) as read_to,
        first_missed_at,
        {{ later('first_missed_at', var('freshness_target_seconds'), 'second') }} as late_from
    from placed
    where is_cut = 1
),

cut_spans as (
    select
        cut_id,
        read_from,
        read_to,
        first_missed_at,
        case when late_from < read_to then {{ greatest_known('late_from', 'read_from') }} end as stale_from
    from spans
)

select * from cut_spans
