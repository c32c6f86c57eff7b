{{ config(materialized='table', contract={'enforced': true}) }}

with

audit as (select * from {{ ref('rpt_bias_audit') }}),

clients as (select * from {{ ref('dim_client') }}),

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
        measured.audit_id,
        measured.client_id,
        measured.model_version_id,
        measured.client_slug,
        clients.client_name,
        measured.model_label,
        measured.model_version_id = max(measured.model_version_id) over (
            partition by measured.client_slug
        ) as is_newest_version,
        measured.tool_stage,
        measured.metric,
        case
            when measured.metric = 'scoring' then 0
            when measured.tool_stage = 'recommended' then 1
            when measured.tool_stage = 'shortlisted' then 2
            when measured.tool_stage = 'interviewed' then 3
            else 4
        end as outcome_rank,
        measured.dimension,
        measured.category,
        {{ suppressed('measured.n', 'measured.is_suppressed') }} as n,
        {{ suppressed('measured.selected', 'measured.is_suppressed') }} as selected,
        {{ suppressed('measured.rate', 'measured.is_suppressed') }} as rate,
        {{ suppressed('measured.impact_ratio', 'measured.is_ratio_suppressed') }} as impact_ratio,
        {{ suppressed('measured.ir_ci_low', 'measured.is_ratio_suppressed') }} as ir_ci_low,
        {{ suppressed('measured.ir_ci_high', 'measured.is_ratio_suppressed') }} as ir_ci_high,
        {{ suppressed('measured.p_value', 'measured.is_ratio_suppressed') }} as p_value,
        {{ suppressed('measured.adverse_impact', 'measured.is_ratio_suppressed') }} as adverse_impact,
        measured.is_unknown,
        measured.is_excluded_lt2pct,
        measured.is_suppressed,
        cast(measured.period_start_at as date) as period_starts_on,
        cast(measured.period_end_at as date) as period_ends_on
    from measured
    left join clients on measured.client_id = clients.client_id
)

select * from final
