{{ config(materialized='table', contract={'enforced': true}) }}

with

audit as (select * from {{ ref('rpt_bias_audit') }}),

{% set group = 'model_version_id, client_slug, tool_stage, metric, dimension' -%}
small as (
    select
        *,
        {{ is_small_cell('member_count') }} as is_small
    from audit
),

beside_small as (      -- a lone one could be had from the sum of the others: the next larger goes with it
    select
        *,
        is_small or {{ is_next_to_a_lone('is_small', group) }} as is_hidden_alone
    from small
),

over_clients as (      -- one client's could be had from that of all less the others: that goes with it
    select
        *,
        is_hidden_alone
        or (
            client_slug = '(all)'
            and count(case when is_hidden_alone and client_slug <> '(all)' then 1 end) over (
                partition by model_version_id, tool_stage, metric, dimension, category
            ) = 1
        ) as is_hidden
    from beside_small
),

hidden as (
    select
        *,
        is_hidden or {{ is_next_to_a_lone('is_hidden', group) }} as is_suppressed
    from over_clients
),

measured as (      -- a ratio over a hidden rate would give that rate away
    select
        *,
        is_suppressed
        or max(case when category = benchmark_category and is_suppressed then 1 else 0 end) over (
            partition by {{ group }}
        ) = 1 as is_ratio_suppressed
    from hidden
),

final as (
    select
        audit_id,
        client_id,
        model_version_id,
        client_slug,
        model_label,
        tool_stage,
        metric,
        dimension,
        category,
        {{ suppressed('n', 'is_suppressed') }} as n,
        {{ suppressed('selected', 'is_suppressed') }} as selected,
        {{ suppressed('rate', 'is_suppressed') }} as rate,
        {{ suppressed('impact_ratio', 'is_ratio_suppressed') }} as impact_ratio,
        {{ suppressed('ir_ci_low', 'is_ratio_suppressed') }} as ir_ci_low,
        {{ suppressed('ir_ci_high', 'is_ratio_suppressed') }} as ir_ci_high,
        {{ suppressed('p_value', 'is_ratio_suppressed') }} as p_value,
        {{ suppressed('adverse_impact', 'is_ratio_suppressed') }} as adverse_impact,
        is_unknown,
        is_excluded_lt2pct,
        is_suppressed,
        cast(period_start_at as date) as period_starts_on,
        cast(period_end_at as date) as period_ends_on
    from measured
)

select * from final
