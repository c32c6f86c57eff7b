{{ config(materialized='table') }}

with

comparisons as (select * from {{ ref('int_bias_comparisons') }}),

strata as (select * from {{ ref('int_bias_strata') }}),

paired as (      -- one row per comparison and opportunity in which both categories were assessed
    select
        own.model_version_id,
        own.client_slug,
        own.tool_stage,
        own.metric,
        own.dimension,
        own.category,
        cast(own.n as {{ type_name('double precision') }}) as n,
        cast(own.selected as {{ type_name('double precision') }}) as selected,
        cast(best.n as {{ type_name('double precision') }}) as best_n,
        cast(best.selected as {{ type_name('double precision') }}) as best_selected,
        cast(own.n + best.n as {{ type_name('double precision') }}) as all_n,
        cast(own.selected + best.selected as {{ type_name('double precision') }}) as all_selected
    from comparisons
    inner join strata as own
        on
            comparisons.model_version_id = own.model_version_id
            and comparisons.client_slug = own.client_slug
            and comparisons.tool_stage = own.tool_stage
            and comparisons.metric = own.metric
            and comparisons.dimension = own.dimension
            and comparisons.category = own.category
    inner join strata as best
        on
            own.model_version_id = best.model_version_id
            and own.client_slug = best.client_slug
            and own.tool_stage = best.tool_stage
            and own.metric = best.metric
            and own.dimension = best.dimension
            and comparisons.benchmark_category = best.category
            and own.opportunity_id = best.opportunity_id
    where comparisons.category <> comparisons.benchmark_category
),

weighed as (
    select
        *,
        selected * best_n / all_n as pooled_selected,
        best_selected * n / all_n as pooled_best_selected
    from paired
),

tested as (      -- Mantel-Haenszel: ratio of rates, and its test without continuity correction
    select
        model_version_id,
        client_slug,
        tool_stage,
        metric,
        dimension,
        category,
        count(*) as stratum_count,
        {{ metric_of_sums('pooled_impact_ratio') }} as impact_ratio,
        sum(selected - n * all_selected / all_n)
        / nullif(sqrt(sum(
            case
                when all_n > 1
                    then n * best_n * all_selected * (all_n - all_selected) / (all_n * all_n * (all_n - 1))
                else 0
            end
        )), 0) as z
    from weighed
    group by model_version_id, client_slug, tool_stage, metric, dimension, category
),

final as (
    select
        model_version_id,
        client_slug,
        tool_stage,
        metric,
        dimension,
        category,
        stratum_count,
        impact_ratio,
        -- What should be nothing is some 1e-16, depending on the order in which an engine sums.
        {{ rounded('z', 12) }} as z
    from tested
)

select * from final
