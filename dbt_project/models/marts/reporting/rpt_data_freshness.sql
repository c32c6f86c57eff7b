with

freshness as (select * from {{ ref('fct_freshness') }}),

tables as (select * from {{ ref('stg_flux__tables') }}),

quarantine as (select * from {{ ref('stg_flux__quarantine') }}),

current_cut as (select * from {{ ref('int_current_cut') }}),

set_aside as (      -- one row per table with rows in quarantine
    select
        coalesce(tables.relation, quarantine.source_table) as relation,
        count(*) as quarantined_count
    from quarantine
    left join tables on quarantine.source_table = tables.source_table
    group by coalesce(tables.relation, quarantine.source_table)
),

final as (
    select
        freshness.relation,
        freshness.door,
        freshness.state,
        case
            when freshness.state not in ('streaming', 'loaded') then 'inexact'
            when freshness.is_within_target then 'fresh'
            else 'late'
        end as status,
        freshness.row_count,
        freshness.change_count,
        coalesce(set_aside.quarantined_count, 0) as quarantined_count,
        freshness.lag_seconds,
        freshness.idle_seconds,
        freshness.target_seconds,
        freshness.newest_change_at,
        freshness.cut_at,
        current_cut.made_at as cut_made_at
    from freshness
    cross join current_cut
    left join set_aside on freshness.relation = set_aside.relation
)

select * from final
