with

relations as (select * from {{ ref('stg_flux__relations') }}),

tables as (select * from {{ ref('stg_flux__tables') }}),

table_status as (select * from {{ ref('stg_flux__table_status') }}),

segments as (select * from {{ ref('stg_flux__segments') }}),

current_cut as (select * from {{ ref('int_current_cut') }}),

event_loads as (      -- one row in all: the newest load of events
    select max(loaded_at) as loaded_at
    from segments
),

measured as (
    select
        relations.relation,
        relations.door,
        case when relations.door = 'events' then 'loaded' else coalesce(tables.state, 'unknown') end as state,
        relations.row_count,
        relations.change_count,
        case
            when relations.door = 'events'
                then {{ seconds_between('event_loads.loaded_at', 'current_cut.made_at') }}
            -- A quiet source commits nothing: then what was last seen of it tells, and it is not late.
            else {{ least_known(
                seconds_between('current_cut.commit_at', 'current_cut.made_at'),
                seconds_between('table_status.written_at', 'current_cut.made_at')
                ~ ' + table_status.captured_lag_seconds + table_status.loaded_lag_seconds'
            ) }}
        end as lag_seconds,
        {{ seconds_between('relations.newest_change_at', 'current_cut.cut_at') }} as idle_seconds,
        cast({{ var('freshness_target_seconds') }} as {{ type_name('double precision') }}) as target_seconds,
        relations.newest_change_at,
        current_cut.cut_at
    from relations
    cross join current_cut
    cross join event_loads
    left join tables on relations.relation = tables.relation
    left join table_status on relations.relation = table_status.relation
),

final as (
    select
        relation,
        door,
        state,
        row_count,
        change_count,
        {{ greatest_known('lag_seconds', '0') }} as lag_seconds,
        {{ greatest_known('idle_seconds', '0') }} as idle_seconds,
        target_seconds,
        state in ('streaming', 'loaded') and coalesce(lag_seconds, 0) <= target_seconds as is_within_target,
        newest_change_at,
        cut_at
    from measured
)

select * from final
