with

run_costs as (select * from {{ ref('stg_flux__run_costs') }}),

relation_sizes as (select * from {{ ref('stg_flux__relation_sizes') }}),

dependents as (select * from {{ ref('stg_flux__dependents') }}),

runs as (        -- one row per day and node of a build, with the relation that it is about
    select
        case
            when run_costs.kind = 'test' then coalesce(dependents.relation, '(no model)')
            else run_costs.subject
        end as relation,
        run_costs.kind = 'test' as is_test,
        run_costs.run_count,
        run_costs.failed_count,
        run_costs.row_count,
        run_costs.scanned_bytes,
        run_costs.seconds,
        run_costs.longest_seconds,
        run_costs.ran_on
    from run_costs
    left join dependents on run_costs.run_name = dependents.dependent and run_costs.kind = dependents.kind
    where run_costs.kind in ('model', 'seed', 'test')
),

inputs as (      -- one row per day and relation: bytes of the tables that its build reads
    select
        dependents.dependent as relation,
        sum(relation_sizes.stored_bytes) as stored_bytes,
        relation_sizes.measured_on
    from dependents
    inner join relation_sizes on dependents.relation = relation_sizes.relation
    where dependents.kind = 'build'
    group by dependents.dependent, relation_sizes.measured_on
),

summed as (      -- one row per day and relation
    select
        relation,
        coalesce(sum(case when not is_test then run_count end), 0) as build_count,
        coalesce(sum(case when is_test then run_count end), 0) as test_count,
        sum(failed_count) as failed_count,
        max(row_count) as row_count,
        sum(scanned_bytes) as scanned_bytes,
        coalesce(sum(case when not is_test then seconds end), 0) as build_seconds,
        coalesce(sum(case when is_test then seconds end), 0) as test_seconds,
        max(longest_seconds) as longest_seconds,
        sum(seconds) as cost_seconds,
        ran_on
    from runs
    group by relation, ran_on
),

days as (        -- one row per day
    select
        ran_on,
        sum(cost_seconds) as day_seconds
    from summed
    group by ran_on
),

final as (
    select
        summed.relation,
        cast(summed.build_count as bigint) as build_count,
        cast(summed.test_count as bigint) as test_count,
        cast(summed.failed_count as bigint) as failed_count,
        summed.row_count,
        relation_sizes.stored_bytes,
        cast(summed.scanned_bytes as bigint) as scanned_bytes,
        cast(summed.build_count * inputs.stored_bytes as bigint) as input_bytes,
        summed.build_seconds,
        summed.test_seconds,
        summed.longest_seconds,
        summed.cost_seconds,
        days.day_seconds,
        {{ metric('build_time_share') }} as build_time_share,
        summed.ran_on
    from summed
    inner join days on summed.ran_on = days.ran_on
    left join relation_sizes
        on summed.relation = relation_sizes.relation and summed.ran_on = relation_sizes.measured_on
    left join inputs on summed.relation = inputs.relation and summed.ran_on = inputs.measured_on
)

select * from final
