with

relation_sizes as (select * from {{ ref('stg_flux__relation_sizes') }}),

relation_reads as (select * from {{ ref('stg_flux__relation_reads') }}),

dependents as (select * from {{ ref('stg_flux__dependents') }}),

model_costs as (select * from {{ ref('rpt_model_costs') }}),

measured as (    -- one row in all: the newest day with a build, and the first of which anything is known
    select
        max(measured_on) as as_of_on,
        min(measured_on) as measured_from_on
    from relation_sizes
),

logged as (      -- one row in all
    select min(read_on) as logged_from_on
    from relation_reads
),

watch as (       -- one row in all
    select
        measured.as_of_on,
        {{ least_known('measured.measured_from_on', 'logged.logged_from_on') }} as watched_from_on
    from measured
    cross join logged
),

readable as (    -- one row per table for readers
    select
        relation_sizes.relation,
        relation_sizes.row_count,
        relation_sizes.stored_bytes,
        watch.as_of_on,
        watch.watched_from_on
    from relation_sizes
    inner join watch on relation_sizes.measured_on = watch.as_of_on
    where
        relation_sizes.relation like 'marts.%'
        or relation_sizes.relation like 'reporting.%'
        or relation_sizes.relation like 'ml.%'
),

told as (        -- one row per day, relation and reader: people and training sets
    select
        relation_reads.relation,
        relation_reads.kind,
        relation_reads.reader,
        relation_reads.read_count,
        relation_reads.read_on > watch.as_of_on - {{ var('unread_days') }} as is_recent,
        relation_reads.read_on
    from relation_reads
    cross join watch
    where relation_reads.kind in ('person', 'dataset')
),

reads as (       -- one row per relation that any of them read
    select
        relation,
        count(distinct case when kind = 'person' and is_recent then reader end) as person_count,
        sum(case when is_recent then read_count end) as read_count,
        max(read_on) as last_read_on
    from told
    group by relation
),

uses as (        -- one row per relation that anything depends on
    select
        relation,
        count(case when kind = 'model' then 1 end) as model_count,
        {{ listed("case when kind = 'dashboard' then dependent end") }} as dashboards,
        {{ listed("case when kind = 'dataset' then dependent end") }} as datasets
    from dependents
    group by relation
),

costs as (       -- one row per relation: seconds of thirty days
    select
        model_costs.relation,
        sum(model_costs.cost_seconds) as cost_seconds
    from model_costs
    cross join watch
    where model_costs.ran_on > watch.as_of_on - 30
    group by model_costs.relation
),

final as (
    select
        readable.relation,
        uses.dashboards,
        uses.datasets,
        cast(coalesce(uses.model_count, 0) as bigint) as model_count,
        cast(coalesce(reads.person_count, 0) as bigint) as person_count,
        cast(coalesce(reads.read_count, 0) as bigint) as read_count,
        readable.row_count,
        readable.stored_bytes,
        coalesce(costs.cost_seconds, 0) as cost_seconds,
        case
            when reads.last_read_on > readable.as_of_on - {{ var('unread_days') }} then false
            when
                {{ days_between('readable.watched_from_on', 'readable.as_of_on') }}
                >= {{ var('unread_days') }}
                then true
        end as is_unread,
        reads.last_read_on,
        readable.watched_from_on,
        readable.as_of_on
    from readable
    left join reads on readable.relation = reads.relation
    left join uses on readable.relation = uses.relation
    left join costs on readable.relation = costs.relation
)

select * from final
